package actions

// Right is something that a member of the team may do.
type Right string

// The rights, as the configuration writes them. Approving covers declining and
// settling; holding covers excluding; promising covers what is said to be paid.
const (
	MayApprove Right = "approve"
	MayHold    Right = "hold"
	MayResume  Right = "resume"
	MayDispute Right = "dispute"
	MayPromise Right = "promise"
	MayCall    Right = "called"
	MayAll     Right = "all"
)

// Values lists the words.
func (Right) Values() []string {
	return []string{
		string(MayApprove), string(MayHold), string(MayResume), string(MayDispute),
		string(MayPromise), string(MayCall), string(MayAll),
	}
}
