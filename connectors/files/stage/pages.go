package stage

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"relanced/connectors"
)

// Pages holds back pages, in several series, until they may be yielded: all of
// the first series, then all of the second.
type Pages struct {
	folder string
	series []*series
	n      int
}

type series struct {
	file *os.File
	out  *bufio.Writer
}

// Kept is a page as it was put.
type Kept struct {
	Page connectors.Page
	Last bool // the last one of all series
}

// Put keeps a page at the end of the series (0, 1…).
func (p *Pages) Put(number int, page connectors.Page) error {
	for len(p.series) <= number {
		file, err := os.Create(filepath.Join(p.folder, fmt.Sprintf("pages-%d", len(p.series))))
		if err != nil {
			return fmt.Errorf("stage: %w", err)
		}
		p.series = append(p.series, &series{file, bufio.NewWriterSize(file, 1<<16)})
	}
	if err := json.NewEncoder(p.series[number].out).Encode(page); err != nil {
		return fmt.Errorf("stage: keep page: %w", err)
	}
	p.n++
	return nil
}

// All yields the kept pages, once. After it nothing more is put.
func (p *Pages) All() iter.Seq2[Kept, error] {
	return func(yield func(Kept, error) bool) {
		yielded := 0
		for _, s := range p.series {
			err := s.out.Flush()
			if err == nil {
				_, err = s.file.Seek(0, io.SeekStart)
			}
			if err != nil {
				yield(Kept{}, fmt.Errorf("stage: read pages: %w", err))
				return
			}
			decoder := json.NewDecoder(bufio.NewReaderSize(s.file, 1<<16))
			for {
				var kept Kept
				err := decoder.Decode(&kept.Page)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					yield(Kept{}, fmt.Errorf("stage: read page: %w", err))
					return
				}
				yielded++
				kept.Last = yielded == p.n
				if !yield(kept, nil) {
					return
				}
			}
		}
	}
}

func (p *Pages) close() {
	for _, s := range p.series {
		_ = s.file.Close()
	}
}
