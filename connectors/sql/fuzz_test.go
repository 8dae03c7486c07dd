package sql

import (
	"io/fs"
	"testing"

	"relanced/connectors/manifest"
	"relanced/internal/conf"
)

// FuzzManifest: whatever a manifest says, it is accepted or what is wrong is told.
func FuzzManifest(f *testing.F) {
	text, err := fs.ReadFile(Manifests(), manifest.Shipped(Manifests())[0]+".yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("manifest: t\nspeaks: sql\ncustomers: {query: SELECT id, name FROM c, key: id, map: {name: it.name}}\nallocations: {query: SELECT 1 AS a, key: a, map: {invoice: it.a, payment: it.a}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var p conf.Problems
		n, ok := conf.Parse("erp.yaml", text, &p)
		if !ok {
			return
		}
		b, ok := compile(n, n.On(&p))
		if ok != (p.Count() == 0) {
			t.Fatalf("accepted: %v, problems: %v", ok, p.Err())
		}
		for _, s := range b.sections() {
			if ok && (s.Query == "" || s.Key == "" || len(s.columns) == 0) {
				t.Errorf("accepted without query, key or columns: %+v", s)
			}
		}
	})
}
