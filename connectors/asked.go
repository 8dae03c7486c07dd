package connectors

import "context"

type askedKey struct{}

// WithAsked marks a pass that a person asked for: sources that wait for things
// to settle (a file still being copied) take them as they are.
func WithAsked(ctx context.Context) context.Context {
	return context.WithValue(ctx, askedKey{}, true)
}

// Asked tells whether a person asked for this pass.
func Asked(ctx context.Context) bool {
	asked, _ := ctx.Value(askedKey{}).(bool)
	return asked
}

type glanceKey struct{}

// WithGlance marks a look whose answer a person waits for: a source that is away
// or asks to come back later is told after a few seconds.
func WithGlance(ctx context.Context) context.Context {
	return context.WithValue(ctx, glanceKey{}, true)
}

// Glance tells whether it is such a look.
func Glance(ctx context.Context) bool {
	glance, _ := ctx.Value(glanceKey{}).(bool)
	return glance
}
