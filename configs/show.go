package configs

import "relanced/internal/conf"

// Show returns the effective configuration as YAML: includes joined, defaults
// spelled out, shipped plans among the plans, secrets masked.
func Show(f *File) []byte {
	whole := *f
	whole.Include = nil
	return conf.Marshal(&whole)
}
