package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// Role is why a folder is read.
type Role string

// The roles. Mail in RoleSent is our own people's.
const (
	RoleInbox Role = "inbox"
	RoleExtra Role = "extra"
	RoleJunk  Role = "junk"
	RoleSent  Role = "sent"
)

// Folder is a folder to read, by the name the server knows.
type Folder struct {
	Name string
	Role Role
}

// names by which folders are known where the server does not say which is which.
var (
	junkNames = []string{"junk", "junk email", "junk e-mail", "spam", "courrier indésirable", "indésirables", "pourriel", "bulk mail", "unwanted"}
	sentNames = []string{"sent", "sent items", "sent messages", "sent mail", "éléments envoyés", "envoyés", "messages envoyés", "objets envoyés", "gesendet", "gesendete elemente"}
)

// Folders returns what is read of the account, INBOX first. It lists on a
// connection of its own: one odd folder name ends the connection. A configured
// folder that is not there is an error that names those that are.
func Folders(ctx context.Context, a Account) ([]Folder, error) {
	listed, err := listAll(ctx, a)
	if err != nil {
		return nil, err
	}
	return choose(a, listed)
}

// listAll lists all folders, or those that can be listed.
func listAll(ctx context.Context, a Account) ([]*imap.ListData, error) {
	listed, err := list(ctx, a, "*")
	if err == nil || KindOf(err) != Temporary {
		return listed, err
	}
	if _, again := Probe(ctx, a); again != nil {
		return nil, again // not the listing: the server is away
	}
	for _, pattern := range slices.Concat([]string{"%"}, a.Folders, usual) {
		found, err := list(ctx, a, pattern)
		if err != nil && (KindOf(err) != Temporary || ctx.Err() != nil || errors.As(err, new(silence))) {
			return nil, err // no odd name: a server that does not answer
		}
		for _, l := range found {
			if !slices.ContainsFunc(listed, func(have *imap.ListData) bool { return have.Mailbox == l.Mailbox }) {
				listed = append(listed, l)
			}
		}
	}
	return listed, nil
}

// usual names folders of junk and sent mail, asked for one by one where an odd
// name beside them fails the listing of all.
var usual = []string{"Junk", "Spam", "Junk Email", "Junk E-mail", "INBOX.Junk", "INBOX.Spam", "Courrier indésirable", "Sent", "Sent Items", "Sent Messages", "INBOX.Sent", "Éléments envoyés"}

// Probe logs in and out: whether the account works at all.
func Probe(ctx context.Context, a Account) (Status, error) {
	s, err := Open(ctx, a)
	if err != nil {
		return Status{}, err
	}
	defer s.Close()
	return s.Examine(ctx, "INBOX")
}

func list(ctx context.Context, a Account, pattern string) ([]*imap.ListData, error) {
	s, err := Open(ctx, a)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var listed []*imap.ListData
	err = s.guard(ctx, s.account.Limits.List, func() (err error) {
		listed, err = s.client.List("", pattern, nil).Collect()
		return err
	})
	if refused := s.unconnected(err); refused != nil {
		return nil, refused
	}
	if err != nil {
		return nil, &Error{Kind: Temporary, Op: "list the folders", Err: err}
	}
	return listed, nil
}

func configured(a Account) []Folder {
	folders := []Folder{{"INBOX", RoleInbox}}
	for _, name := range a.Folders {
		if !strings.EqualFold(name, "INBOX") {
			folders = append(folders, Folder{name, RoleExtra})
		}
	}
	return folders
}

func choose(a Account, listed []*imap.ListData) ([]Folder, error) {
	all := find(listed, imap.MailboxAttrAll, nil)
	folders := configured(a)
	names := make([]string, 0, len(listed))
	for _, l := range listed {
		names = append(names, l.Mailbox)
	}
	for i, f := range folders {
		if f.Role == RoleInbox {
			continue
		}
		at := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, f.Name) })
		if at < 0 {
			return nil, &Error{
				Kind: Missing, Op: fmt.Sprintf("find the folder %q of the mailbox %s", f.Name, a.Name),
				Err: fmt.Errorf("the server has: %s", strings.Join(names, ", ")), Do: "correct the name under `folders`",
			}
		}
		folders[i].Name = names[at]
	}
	if all != "" && len(folders) == 1 {
		// Gmail: labels and archiving hide nothing in this one.
		folders[0].Name = all
	}
	if junk := find(listed, imap.MailboxAttrJunk, junkNames); junk != "" && !has(folders, junk) {
		folders = append(folders, Folder{junk, RoleJunk})
	}
	if sent := find(listed, imap.MailboxAttrSent, sentNames); a.Sent && sent != "" && !has(folders, sent) && all == "" {
		folders = append(folders, Folder{sent, RoleSent})
	}
	return folders, nil
}

// SentFolder returns the folder where copies of sent mail belong, "" where
// there is none.
func SentFolder(ctx context.Context, a Account) (string, error) {
	listed, err := listAll(ctx, a)
	if err != nil {
		return "", err
	}
	return find(listed, imap.MailboxAttrSent, sentNames), nil
}

func has(folders []Folder, name string) bool {
	return slices.ContainsFunc(folders, func(f Folder) bool { return f.Name == name })
}

// find returns the folder with the attribute, else the first whose last part
// bears one of the names.
func find(listed []*imap.ListData, attr imap.MailboxAttr, names []string) string {
	for _, l := range listed {
		if slices.Contains(l.Attrs, attr) && !slices.Contains(l.Attrs, imap.MailboxAttrNoSelect) {
			return l.Mailbox
		}
	}
	for _, l := range listed {
		name := l.Mailbox
		if l.Delim != 0 {
			if at := strings.LastIndex(name, string(l.Delim)); at >= 0 {
				name = name[at+len(string(l.Delim)):]
			}
		}
		if slices.Contains(names, strings.ToLower(name)) && !slices.Contains(l.Attrs, imap.MailboxAttrNoSelect) {
			return l.Mailbox
		}
	}
	return ""
}
