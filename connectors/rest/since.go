package rest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"relanced/internal/conf"
)

// since asks for what changed only.
type since struct {
	Param   string              `yaml:"param"   doc:"parameter of the address that takes the moment"`
	Header  string              `yaml:"header"  doc:"header that takes the moment"`
	Query   map[string]template `yaml:"query"   doc:"instead of param: parameters with {since} in them"`
	Post    conf.Node           `yaml:"post"    doc:"instead of the section's post: a body with {since} in it"`
	Format  string              `yaml:"format"  doc:"rfc3339, datetime (2026-11-29 08:00:00), iso (2026-11-29T08:00:00), date, unix, or a form as in DD/MM/YYYY hh:mm:ss; all in UTC"`
	Overlap time.Duration       `yaml:"overlap" doc:"how much earlier is asked for: clocks differ, and changes show late"`
}

// Defaults fills what a manifest leaves out.
func (s *since) Defaults() { s.Format, s.Overlap = "rfc3339", 5*time.Minute }

// formats are the ways to write a moment.
var formats = map[string]string{
	"rfc3339": time.RFC3339, "datetime": time.DateTime, "iso": "2006-01-02T15:04:05", "date": time.DateOnly, "unix": "",
}

// moments are the parts of a form.
var moments = strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "hh", "15", "mm", "04", "ss", "05")

func (s *since) check(p *conf.Problems, may []string) {
	if s == nil {
		return
	}
	ways := 0
	for _, written := range []bool{s.Param != "", s.Header != "", s.Query != nil, !s.Post.IsZero()} {
		if written {
			ways++
		}
	}
	if ways != 1 {
		p.Addf("say in one way how changes are asked for: param: updated_since, a header, a query or a post with {since} in it")
	}
	if _, known := formats[s.Format]; !known && !strings.Contains(s.Format, "YYYY") {
		p.At("format").Addf("%q is no way to write a moment: write %s, or a form as in DD/MM/YYYY hh:mm:ss", s.Format, strings.Join(slices.Sorted(maps.Keys(formats)), ", "))
	}
	if s.Overlap < time.Minute {
		p.At("overlap").Addf("write at least 1m: changes show late")
	}
	if s.Header != "" {
		checkHeader(p.At("header"), s.Header)
	}
	used := placesOf(s.Post.Value())
	for _, name := range slices.Sorted(maps.Keys(s.Query)) {
		checkPlaces(p.At("query", name), s.Query[name].names(), may)
		used = append(used, s.Query[name].names()...)
	}
	checkPlaces(p.At("post"), placesOf(s.Post.Value()), may)
	if (s.Query != nil || !s.Post.IsZero()) && !slices.Contains(used, "since") {
		p.Addf("nothing here holds {since}")
	}
}

// write writes the moment from which changes are asked for.
func (s *since) write(mark time.Time) string {
	at := mark.Add(-s.Overlap).UTC()
	if s.Format == "unix" {
		return strconv.FormatInt(at.Unix(), 10)
	}
	form, known := formats[s.Format]
	if !known {
		form = moments.Replace(s.Format)
	}
	if !strings.Contains(form, "15") { // a day
		at = at.Add(-14 * time.Hour) // whatever the zone of the source's days
	}
	return at.Format(form)
}
