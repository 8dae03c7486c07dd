package sageactive

// SetPage makes pages smaller than the vendor's.
func (c *Connector) SetPage(n int) { c.most = n }
