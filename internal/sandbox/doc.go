// Package sandbox is the demo: a small company with its accounting software,
// its mail servers, its people and its customers, all of them made up and on
// this machine only. The program at work in it is the real one; nothing but the
// world around it is played, on a clock that runs fast.
package sandbox
