package sql

import "database/sql/driver"

// Through makes the connector reach its database through another driver.
func (s *Spec) Through(wrap func(driver.Connector) driver.Connector) { s.wrap = wrap }

// CheckSelect tells what is wrong with a query of a manifest.
var CheckSelect = checkSelect
