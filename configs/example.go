package configs

import _ "embed"

//go:embed example.yaml
var example []byte

// Example returns the annotated example.
func Example() []byte { return example }
