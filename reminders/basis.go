package reminders

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"relanced/internal/email"
)

// Basis names what a person approves: the recipients, plan and step, each line
// with its role and what it asks for, and the text put on top. It does not
// depend on the order of recipients or lines.
func Basis(to, cc []string, plan, step string, lines []LineUse, added string) string {
	var room [1024]byte
	text := room[:0]
	text = appendAddresses(text, to)
	text = appendAddresses(text, cc)
	text = appendField(text, plan)
	text = appendField(text, step)
	var places [16]int
	order := places[:0]
	for i := range lines {
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(lines[a].Line.ID, lines[b].Line.ID) })
	for _, i := range order {
		l := &lines[i].Line
		text = strconv.AppendInt(text, int64(l.ID), 10)
		text = strconv.AppendInt(append(text, ' '), int64(l.DueOn), 10)
		text = appendField(append(text, ' '), string(lines[i].Role))
		text = appendField(strconv.AppendInt(text, l.Outstanding.Minor, 10), l.Outstanding.Currency)
	}
	text = appendField(text, added)
	sum := sha256.Sum256(text)
	var name [32]byte
	hex.Encode(name[:], sum[:16])
	return string(name[:])
}

// basis is Basis of the action, with the text that a person put on top.
func (a *Action) basis(added string) string {
	return Basis(a.To, a.CC, a.Plan, cmp.Or(a.Step, string(a.Kind)), a.Lines, added)
}

func appendAddresses(text []byte, addresses []string) []byte {
	var places [4]string
	sorted := places[:0]
	for _, address := range addresses {
		sorted = append(sorted, strings.ToLower(address))
	}
	slices.Sort(sorted)
	text = strconv.AppendInt(text, int64(len(sorted)), 10)
	for _, address := range sorted {
		text = appendField(text, address)
	}
	return text
}

// appendField writes a text with its length before it, so that no two lists of
// fields are written alike.
func appendField(text []byte, field string) []byte {
	text = strconv.AppendInt(append(text, ' '), int64(len(field)), 10)
	return append(append(text, ':'), field...)
}

// sameAddress tells whether an absence notice is about the address: the one it
// names, else its sender.
func sameAddress(absent, from, address string) bool {
	if absent == "" {
		absent = from
	}
	return email.SameAddress(absent, address)
}

// Kinds of task that no step of a plan stands for, and the outcome of a backlog
// task that has the ladder started.
const (
	TaskBacklog    = "backlog"
	TaskAddress    = "address"
	TaskBounce     = "bounce"
	BacklogResumed = "resume"
)
