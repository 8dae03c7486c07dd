package reminders

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"strconv"
	"strings"
)

// Basis names what a person approves: the recipients, plan and step, each line
// with its role and what it asks for, and the text put on top. It does not
// depend on the order of recipients or lines.
func Basis(to, cc []string, plan, step string, lines []LineUse, added string) string {
	sum := sha256.New()
	list := func(addresses []string) {
		sorted := slices.Clone(addresses)
		for i := range sorted {
			sorted[i] = strings.ToLower(sorted[i])
		}
		slices.Sort(sorted)
		field(sum, strings.Join(sorted, "\n"))
	}
	list(to)
	list(cc)
	field(sum, plan)
	field(sum, step)
	order := make([]int, len(lines))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(lines[a].Line.ID, lines[b].Line.ID) })
	var text []byte
	for _, i := range order {
		l := &lines[i].Line
		text = strconv.AppendInt(text[:0], int64(l.ID), 10)
		text = strconv.AppendInt(append(text, ' '), int64(l.DueOn), 10)
		text = append(append(append(text, ' '), lines[i].Role...), ' ')
		text = append(strconv.AppendInt(text, l.Outstanding.Minor, 10), l.Outstanding.Currency...)
		bytes(sum, text)
	}
	field(sum, added)
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// field writes a text with its length before it, so that no two lists of fields
// are written alike.
func field(sum hash.Hash, text string) { bytes(sum, []byte(text)) }

func bytes(sum hash.Hash, text []byte) {
	var length [20]byte
	sum.Write(append(strconv.AppendInt(length[:0], int64(len(text)), 10), ':'))
	sum.Write(text)
}

// sameAddress tells whether an absence notice is about the address: the one it
// names, else its sender.
func sameAddress(absent, from, address string) bool {
	if absent == "" {
		absent = from
	}
	return strings.EqualFold(absent, address)
}

// Kinds of task that no step of a plan stands for, and the outcome of a backlog
// task that has the ladder started.
const (
	TaskBacklog    = "backlog"
	TaskAddress    = "address"
	TaskBounce     = "bounce"
	BacklogResumed = "resume"
)
