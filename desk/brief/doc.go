// Package brief makes the morning's work list and understands the answers to it.
package brief
