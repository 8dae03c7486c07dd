// Package daemon builds everything from a configuration and runs the loops.
package daemon
