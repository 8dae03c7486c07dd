// Package email holds what the sender of reminders and the reader of replies
// share: ids and tokens that prove a message is ours, addresses and how they
// compare, foreign text made safe to show, and the building of messages.
package email
