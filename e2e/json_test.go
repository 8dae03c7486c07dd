package e2e

// What the commands print with --json, as far as these tests look.

type outboxRow struct {
	ID        int64    `json:"id"`
	Kind      string   `json:"kind"`
	Customer  *string  `json:"customer"`
	To        []string `json:"to"`
	Step      *string  `json:"step"`
	Invoices  []string `json:"invoices"`
	Amount    *string  `json:"amount"`
	Subject   *string  `json:"subject"`
	MessageID *string  `json:"message_id"`
	State     string   `json:"state"`
	Attempts  int      `json:"attempts"`
	Problem   *string  `json:"problem"`
}

func (o outboxRow) customer() string {
	if o.Customer == nil {
		return ""
	}
	return *o.Customer
}

func (o outboxRow) mid() string {
	if o.MessageID == nil {
		return ""
	}
	return *o.MessageID
}

type verdictRow struct {
	Customer    string  `json:"customer"`
	Invoice     string  `json:"invoice"`
	Outstanding string  `json:"outstanding"`
	Verdict     string  `json:"verdict"`
	Reason      *string `json:"reason"`
	Because     string  `json:"because"`
	Step        *string `json:"step"`
	At          *string `json:"at"`
	Facts       []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"facts"`
}

func (v verdictRow) reason() string {
	if v.Reason == nil {
		return ""
	}
	return *v.Reason
}

func (v verdictRow) step() string {
	if v.Step == nil {
		return ""
	}
	return *v.Step
}

type importRow struct {
	Format   *string `json:"format"`
	New      int     `json:"new"`
	Rejected int     `json:"rejected"`
	Problems []struct {
		Reason string `json:"reason"`
	} `json:"problems"`
}

type syncRow struct {
	Connection string `json:"connection"`
	OK         bool   `json:"ok"`
	New        int    `json:"new"`
}

type customerRow struct {
	Customer    string   `json:"customer"`
	Emails      []string `json:"emails"`
	Outstanding string   `json:"outstanding"`
	Held        bool     `json:"held"`
}

type replyRow struct {
	Customer *string `json:"customer"`
	From     string  `json:"from"`
	Class    string  `json:"class"`
	Holds    bool    `json:"holds"`
	Quote    string  `json:"quote"`
}

type eventRow struct {
	Kind string `json:"kind"`
	By   string `json:"by"`
	Text string `json:"text"`
}

type taskRow struct {
	Kind     string  `json:"kind"`
	Customer *string `json:"customer"`
	Title    string  `json:"title"`
}

type statusRow struct {
	Connections []struct {
		Name  string  `json:"name"`
		State string  `json:"state"`
		Error *string `json:"error"`
	} `json:"connections"`
	Mailboxes []struct {
		Name  string  `json:"name"`
		State string  `json:"state"`
		Error *string `json:"error"`
	} `json:"mailboxes"`
	Outbox   map[string]int `json:"outbox"`
	Problems []struct {
		What string  `json:"what"`
		Do   *string `json:"do"`
	} `json:"problems"`
}
