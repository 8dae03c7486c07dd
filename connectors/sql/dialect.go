package sql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
	mssql "github.com/microsoft/go-mssqldb"

	"relanced/connectors/manifest"
)

// dialect is what differs from database to database.
type dialect struct {
	title  string
	mark   func(n int) string                                    // the n-th parameter, from 1
	limit  func(what, from string, n int) string                 // a SELECT of at most n rows; from includes the order
	key    func(text string) any                                 // a key as a parameter
	typed  bool                                                  // keys compare by their own type: they are given as they came, or in both forms
	moment func(t time.Time) any                                 // an instant without a zone as a parameter
	begin  sql.TxOptions                                         // the transaction that reads
	limits func(timeout time.Duration) string                    // statement that bounds the others of the transaction; "" none
	value  func(typeName string, v any, zone *time.Location) any // a value of the driver as one of a Row
	wrong  func(err error) (state, string)                       // what an error means, and which table or column it names
}

var dialects = map[string]*dialect{
	"postgres": {
		title: "PostgreSQL", mark: func(n int) string { return "$" + strconv.Itoa(n) }, limit: limitLast,
		key: textKey, moment: plainMoment, begin: sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead},
		limits: func(d time.Duration) string { return fmt.Sprintf("SET LOCAL statement_timeout = %d", d.Milliseconds()) },
		value:  postgresValue, wrong: postgresState,
	},
	"mysql": {
		title: "MySQL", mark: func(int) string { return "?" }, limit: limitLast,
		key: textKey, moment: plainMoment, begin: sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead},
		// Each server reads its own name of the limit, and the rest as a comment.
		limits: func(d time.Duration) string {
			return fmt.Sprintf("SET @relanced = 1 /*M!100101 , max_statement_time = %.3f */ /*!50708 , max_execution_time = %d */", d.Seconds(), d.Milliseconds())
		},
		value: mysqlValue, wrong: mysqlState,
	},
	// SQL Server has no read-only transaction: the queries are checked to be SELECTs,
	// stand as tables in ours, and what they are part of is always rolled back.
	"sqlserver": {
		title: "SQL Server", mark: func(n int) string { return "@p" + strconv.Itoa(n) },
		limit: func(what, from string, n int) string { return fmt.Sprintf("SELECT TOP (%d) %s %s", n, what, from) },
		key:   sqlserverKey, moment: func(t time.Time) any { return mssql.DateTime1(t) }, begin: sql.TxOptions{Isolation: sql.LevelReadCommitted},
		limits: func(d time.Duration) string { return fmt.Sprintf("SET LOCK_TIMEOUT %d", d.Milliseconds()) },
		value:  sqlserverValue, wrong: sqlserverState,
	},
	"sqlite": {
		title: "SQLite", mark: func(n int) string { return "?" + strconv.Itoa(n) }, limit: limitLast,
		key: textKey, typed: true, moment: func(t time.Time) any { return t.Format(time.RFC3339Nano) },
		limits: func(time.Duration) string { return "" },
		value:  sqliteValue, wrong: sqliteState,
	},
}

func dialectNames() []string { return slices.Sorted(maps.Keys(dialects)) }

// Connect opens the file.
func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	return (&sqlite3.SQLiteDriver{}).Open(string(c))
}

func limitLast(what, from string, n int) string {
	return fmt.Sprintf("SELECT %s %s LIMIT %d", what, from, n)
}

// textKey: the server reads the text as the type of the column.
func textKey(text string) any { return text }

func plainMoment(t time.Time) any { return t }

// sqlserverKey: a text of the server's own code page lets it use an index on
// either type of column; other texts need the wide type.
func sqlserverKey(text string) any {
	if strings.IndexFunc(text, func(r rune) bool { return r >= 0x80 }) < 0 {
		return mssql.VarChar(text)
	}
	return text
}

// plainValue is what all drivers give alike.
func plainValue(v any) any {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case int32:
		return int64(v)
	case uint64:
		return manifest.Number(strconv.FormatUint(v, 10))
	case float32:
		return float64(v)
	}
	return v
}

func postgresValue(typeName string, v any, zone *time.Location) any {
	switch v := v.(type) {
	case string:
		if typeName == "NUMERIC" {
			return manifest.Number(v)
		}
	case time.Time:
		if typeName == "TIMESTAMPTZ" {
			return v.In(zone)
		}
	}
	return plainValue(v)
}

func mysqlValue(typeName string, v any, _ *time.Location) any {
	if text, ok := v.([]byte); ok {
		switch {
		case typeName == "BIT":
			return manifest.Number(new(big.Int).SetBytes(text).String())
		case typeName == "DECIMAL" || strings.HasSuffix(typeName, "INT"):
			return manifest.Number(string(text))
		case typeName == "FLOAT" || typeName == "DOUBLE":
			f, _ := strconv.ParseFloat(string(text), 64)
			return f
		}
	}
	return plainValue(v)
}

func sqlserverValue(typeName string, v any, zone *time.Location) any {
	switch v := v.(type) {
	case []byte:
		switch typeName {
		case "DECIMAL", "MONEY", "SMALLMONEY":
			return manifest.Number(string(v))
		case "UNIQUEIDENTIFIER":
			return guid(v)
		}
	case time.Time:
		if typeName == "DATETIMEOFFSET" {
			return v.In(zone)
		}
	}
	return plainValue(v)
}

// guid writes 16 bytes as people know them.
func guid(b []byte) string {
	if len(b) != 16 {
		return string(b)
	}
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:]))
}

// sqliteValue: a column of type DECIMAL or NUMERIC holds a binary float there,
// and is told as one.
func sqliteValue(_ string, v any, _ *time.Location) any { return plainValue(v) }
