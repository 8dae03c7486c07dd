package main

import (
	"errors"
	"fmt"
)

// The exit codes of config.md §3.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitConfig  = 3
	exitMissing = 4
)

// exitError is an error with the code the program ends with.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func missingf(format string, args ...any) error {
	return &exitError{exitMissing, fmt.Errorf(format, args...)}
}

// errSaid ends with exitFailed and prints nothing more: what failed was shown.
var errSaid = &exitError{exitFailed, errors.New("")}

// codeOf returns the code an error ends the program with.
func codeOf(err error) int {
	var coded *exitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &coded):
		return coded.code
	}
	return exitFailed
}
