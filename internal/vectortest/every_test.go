package vectortest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAll_everyVectorIsReadByATest(t *testing.T) {
	t.Parallel()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	unread := All(t)
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") || strings.Contains(path, "vectortest") {
			return err
		}
		text, err := os.ReadFile(path)
		for name := range unread {
			if strings.Contains(string(text), "vectortest.Read(") && strings.Contains(string(text), `"`+name+`"`) {
				delete(unread, name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range unread {
		t.Errorf("no test reads the vector %s", name)
	}
}
