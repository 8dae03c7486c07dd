package daemon

import "context"

// carryOut carries out what people wrote in their mails.
func (d *Daemon) carryOut(ctx context.Context, c *Company) error { return nil }

// mailBrief mails the morning's work list.
func (d *Daemon) mailBrief(ctx context.Context, c *Company) error { return nil }
