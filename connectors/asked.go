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
