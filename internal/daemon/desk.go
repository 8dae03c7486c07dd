package daemon

import (
	"context"

	"relanced/desk/brief"
	"relanced/internal/calendar"
)

// carryOut carries out what people wrote in their mails.
func (d *Daemon) carryOut(ctx context.Context, c *Company) error { return d.brief(c).Answers(ctx) }

// mailBrief mails the morning's work list.
func (d *Daemon) mailBrief(ctx context.Context, c *Company) error { return d.brief(c).Mail(ctx) }

func (d *Daemon) brief(c *Company) *brief.Brief {
	holidays := c.Reminders.Window.Holidays
	if holidays == "" {
		holidays = calendar.RegionOf(string(c.Country), "")
	}
	return &brief.Brief{
		Desk: d.Desk, Box: c.Box, Config: c.Brief, Team: c.Team, Holidays: holidays,
		Logger: d.logger.With("component", "brief", "company", c.ID),
	}
}
