package fec

import (
	"bytes"

	"relanced/internal/calendar"
)

// dateCache reads the dates of one column: most lines repeat the one above.
type dateCache struct {
	cell []byte
	on   calendar.Date
	full bool
}

func (c *dateCache) read(cell []byte) (calendar.Date, error) {
	if c.full && bytes.Equal(c.cell, cell) {
		return c.on, nil
	}
	on, err := date(cell)
	if err != nil {
		return 0, err
	}
	c.cell, c.on, c.full = append(c.cell[:0], cell...), on, true
	return on, nil
}
