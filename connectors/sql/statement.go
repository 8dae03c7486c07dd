package sql

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"relanced/internal/conf"
)

// statement is a query of a manifest: one SELECT, without a ; at its end. It is
// used as a table in the statements of the connector, never alone.
type statement string

// DecodeConf reads the query and refuses what is more than a SELECT.
func (s *statement) DecodeConf(n conf.Node, p *conf.Problems) {
	text := strings.TrimSpace(n.Text())
	if n.IsMapping() || n.IsSequence() || text == "" {
		p.Addf("a query is expected: SELECT … FROM …")
		return
	}
	if err := checkSelect(text); err != nil {
		p.Addf("%s", err)
		return
	}
	*s = statement(text)
}

// begins tells whether the first word of the query is that one.
func (s statement) begins(word string) bool {
	tokens, _ := tokenize(string(s))
	return len(tokens) > 0 && tokens[0] == word
}

// column is a column of a query, written as it is.
type column string

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// DecodeConf reads the name of a column.
func (c *column) DecodeConf(n conf.Node, p *conf.Problems) {
	if text := n.Text(); plainName.MatchString(text) {
		*c = column(text)
		return
	}
	p.Addf("a column of the query is expected: letters, digits and _ (give it another name there with AS)")
}

// writing are words that no query needs: they write, lock, call, reach beyond
// the database or read what is not committed.
var writing = []string{
	"insert", "update", "delete", "merge", "drop", "alter", "create", "truncate", "grant", "revoke", "deny", "into", "exec", "execute", "call",
	"declare", "set", "lock", "copy", "attach", "pragma", "vacuum", "shutdown", "backup", "restore", "waitfor", "openrowset", "openquery",
	"opendatasource", "openxml", "bulk", "load_file", "outfile", "dumpfile", "pg_read_file", "nolock", "readuncommitted", "tablockx", "xlock", "updlock",
}

// checkSelect refuses whatever is not one SELECT that can stand as a table.
func checkSelect(text string) error {
	tokens, err := tokenize(text)
	if err != nil {
		return err
	}
	depth := 0
	for i, t := range tokens {
		switch {
		case i == 0 && t != "select" && t != "with":
			return fmt.Errorf("a query begins with SELECT")
		case t == ";":
			return fmt.Errorf("a query is one statement, without a ;")
		case t == "?":
			return fmt.Errorf("a query takes no parameters: ? cannot stand there")
		case t == "(":
			depth++
		case t == ")":
			if depth--; depth < 0 {
				return fmt.Errorf("a ) of the query closes nothing")
			}
		case slices.Contains(writing, t):
			return fmt.Errorf("a query only reads: %s cannot stand there (quote a column of that name)", strings.ToUpper(t))
		case depth == 0 && t == "order":
			return fmt.Errorf("a query has no ORDER BY of its own: its rows are asked for by key")
		}
	}
	if depth > 0 {
		return fmt.Errorf("a ( of the query is not closed")
	}
	return nil
}

// tokenize splits a query into words, in lower case, and signs, leaving out what
// is quoted and comments. What one database reads as text and another not is
// refused.
func tokenize(text string) ([]string, error) {
	var tokens []string
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\'' || c == '"' || c == '`' || c == '[':
			end, err := quoted(text, i)
			if err != nil {
				return nil, err
			}
			i = end
		case strings.HasPrefix(text[i:], "--"):
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				return nil, fmt.Errorf("a comment (--) ends the query: nothing could follow it; write /* */ or another line")
			}
			i += end + 1
		case strings.HasPrefix(text[i:], "/*"):
			end := strings.Index(text[i+2:], "*/")
			switch {
			case end < 0:
				return nil, fmt.Errorf("a comment of the query is not closed")
			case strings.ContainsAny(text[i+2:i+2+end], "!+") || strings.Contains(text[i+2:i+2+end], "/*"):
				return nil, fmt.Errorf("a comment with !, + or another comment in it can be more than a comment: remove it")
			}
			i += 2 + end + 2
		case c == '#' || c == '$' || c == '\\':
			return nil, fmt.Errorf("%c cannot stand outside a text of the query", c)
		case isWord(c):
			start := i
			for i < len(text) && (isWord(text[i]) || text[i] == '$' || text[i] == '#') {
				i++
			}
			tokens = append(tokens, strings.ToLower(text[start:i]))
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		default:
			tokens = append(tokens, string(c))
			i++
		}
	}
	return tokens, nil
}

// quoted returns where the quoted part that begins at i ends. A quote is doubled
// to stand inside; backslashes, which some databases read as quotes, are refused.
func quoted(text string, i int) (int, error) {
	end := text[i]
	if end == '[' {
		end = ']'
	}
	for j := i + 1; j < len(text); j++ {
		switch {
		case text[j] == '\\':
			return 0, fmt.Errorf("a backslash in a quoted part of the query means different things to different databases: leave it out")
		case text[j] != end:
		case j+1 < len(text) && text[j+1] == end:
			j++
		default:
			return j + 1, nil
		}
	}
	return 0, fmt.Errorf("a quoted part of the query (%c) is not closed", text[i])
}

func isWord(c byte) bool {
	return c == '_' || c == '@' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
