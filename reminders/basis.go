package reminders

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
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
	uses := slices.Clone(lines)
	slices.SortFunc(uses, func(a, b LineUse) int { return int(a.Line.ID - b.Line.ID) })
	for _, use := range uses {
		field(sum, fmt.Sprintf("%d %s %s %d %s", use.Line.ID, use.Line.DueOn, use.Role, use.Line.Outstanding.Minor, use.Line.Outstanding.Currency))
	}
	field(sum, added)
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// field writes a text with its length before it, so that no two lists of fields
// are written alike.
func field(sum hash.Hash, text string) {
	fmt.Fprintf(sum, "%d:%s", len(text), text)
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
