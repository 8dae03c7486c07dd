package configs

import (
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/govalues/decimal"
	"github.com/invopop/jsonschema"

	"relanced/connectors"
	"relanced/inbox/mailbox"
	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/legal"
	"relanced/reminders"
)

// later marks keys that are not available yet until they are taken out.
const later = "not available yet"

// Schema returns the JSON Schema of a configuration, which editors complete
// from. What a field is for, it takes from its `doc` tag.
func Schema(factories map[string]connectors.Factory) ([]byte, error) {
	r := &jsonschema.Reflector{
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		DoNotReference:             true,
		Anonymous:                  true,
		LookupComment:              purpose,
	}
	r.Mapper = func(t reflect.Type) *jsonschema.Schema {
		if t == reflect.TypeFor[Connection]() {
			return connectionSchema(r, factories)
		}
		return scalarSchema(t)
	}
	schema := r.Reflect(&File{})
	schema.Title = "relanced"
	tidy(schema)
	require(schema, "companies", "id", "name")
	require(schema, "bank_accounts", "iban")
	require(schema, "mailboxes", "name", "address", "login")
	require(schema, "csv", "shape")
	require(schema, "team", "email")
	require(schema, "brief", "to")
	require(schema, "plans_when", "if", "plan")
	require(schema, "hold_when", "if", "reason")
	require(schema, "steps", "id", "at", "channel")
	return json.MarshalIndent(schema, "", "  ")
}

// purpose returns what the field's doc tag says.
func purpose(t reflect.Type, field string) string {
	if t.Kind() != reflect.Struct || field == "" {
		return ""
	}
	f, _ := t.FieldByName(field)
	return f.Tag.Get("doc")
}

// connectionSchema is one of the types, each with the common keys and its own.
func connectionSchema(r *jsonschema.Reflector, factories map[string]connectors.Factory) *jsonschema.Schema {
	whole := &jsonschema.Schema{}
	for _, name := range slices.Sorted(maps.Keys(factories)) {
		one := r.ReflectFromType(reflect.TypeFor[bare]())
		own := r.ReflectFromType(reflect.TypeOf(factories[name]()).Elem())
		for pair := own.Properties.Oldest(); pair != nil; pair = pair.Next() {
			one.Properties.Set(pair.Key, pair.Value)
		}
		one.Properties.Set("type", &jsonschema.Schema{Const: name})
		one.Required, one.Version, one.Title = append([]string{"name", "type"}, own.Required...), "", name
		whole.OneOf = append(whole.OneOf, one)
	}
	return whole
}

// patterns are those of the texts that types of their own read, in what all
// dialects of regular expressions have in common.
var patterns = map[reflect.Type]string{
	reflect.TypeFor[time.Duration]():      `^(\d+d|(\d+(\.\d+)?(h|m|s|ms))+|0)$`,
	reflect.TypeFor[calendar.Date]():      `^\d{4}-\d{2}-\d{2}$`,
	reflect.TypeFor[calendar.DateRange](): `^\d{4}-\d{2}-\d{2}( *\.\. *\d{4}-\d{2}-\d{2})?$`,
	reflect.TypeFor[calendar.Hours]():     `^\d{1,2}:\d{2} *- *\d{1,2}:\d{2}$`,
	reflect.TypeFor[calendar.Weekdays]():  `^ *(mon|tue|wed|thu|fri|sat|sun)( *[-,] *(mon|tue|wed|thu|fri|sat|sun))* *$`,
	reflect.TypeFor[reminders.HoldSpan](): `^(ask|-?\d+(d|wd)|(\d+(h|m|s))+)$`,
	reflect.TypeFor[conf.Name]():          "^[^\\s!-/:-@\\[-`{-~][^\\s!-,/:-@\\[-^`{-~]{0,63}$",
	reflect.TypeFor[conf.Rate]():          `^[1-9]\d{0,5} ?/ ?(s|min|h|day)$`,
	reflect.TypeFor[conf.URL]():           `^https?://`,
	reflect.TypeFor[Country]():            `^[A-Z]{2}$`,
	reflect.TypeFor[Currency]():           `^[A-Z]{3}$`,
}

// scalarSchema describes types that read one value; nil for the others.
func scalarSchema(t reflect.Type) *jsonschema.Schema {
	text := func(pattern string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Pattern: pattern}
	}
	either := func(a, b *jsonschema.Schema) *jsonschema.Schema {
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{a, b}}
	}
	switch t {
	case reflect.TypeFor[calendar.Span]():
		return either(text(`^(-?\d+(d|wd)|-?(\d+(\.\d+)?(h|m|s|ms))+|0)$`), &jsonschema.Schema{Const: 0})
	case reflect.TypeFor[conf.Size]():
		return either(text(`^\d+(\.\d+)? ?([kKMG]i?)?B?$`), &jsonschema.Schema{Type: "integer", Minimum: "0"})
	case reflect.TypeFor[legal.ContractRate]():
		return either(text(`^(3x_legal|\d+(\.\d{1,2})? ?%?)$`), &jsonschema.Schema{Type: "number", Minimum: "0", Maximum: "100"})
	case reflect.TypeFor[uint16](): // ports
		return &jsonschema.Schema{Type: "integer", Minimum: "1", Maximum: "65535"}
	case reflect.TypeFor[int]():
		return &jsonschema.Schema{Type: "integer", Minimum: "0"}
	case reflect.TypeFor[conf.Later]():
		return &jsonschema.Schema{Comments: later}
	case reflect.TypeFor[conf.Secret]():
		return secretSchema()
	case reflect.TypeFor[Store]():
		return &jsonschema.Schema{OneOf: append([]*jsonschema.Schema{text(`^(sqlite:|postgres(ql)?://)`)}, secretSchema().OneOf...)}
	case reflect.TypeFor[mailbox.FolderList]():
		return &jsonschema.Schema{Type: "array", Items: text("")}
	case reflect.TypeFor[conf.Path]():
		return text("")
	case reflect.TypeFor[Language]():
		return enumSchema(languages)
	case reflect.TypeFor[decimal.Decimal]():
		return either(&jsonschema.Schema{Type: "number", Minimum: "0"}, text(`^(0|[1-9]\d*)(\.\d+)?$`))
	}
	if enum, ok := reflect.New(t).Interface().(conf.Enum); ok {
		return enumSchema(enum.Values())
	}
	if pattern, ok := patterns[t]; ok {
		return text(pattern)
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return text("")
	}
	return nil
}

func enumSchema(words []string) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, word := range words {
		s.Enum = append(s.Enum, word)
	}
	return s
}

// secretSchema is a reference: a secret itself never stands in the file.
func secretSchema() *jsonschema.Schema {
	whole := &jsonschema.Schema{}
	for _, kind := range []struct{ key, purpose string }{
		{"env", "an environment variable"},
		{"file", "a file that only relanced may read"},
		{"credential", "systemd's LoadCredential"},
	} {
		one := &jsonschema.Schema{
			Type: "object", Properties: jsonschema.NewProperties(),
			AdditionalProperties: jsonschema.FalseSchema, Required: []string{kind.key},
		}
		one.Properties.Set(kind.key, &jsonschema.Schema{Type: "string", Description: kind.purpose})
		whole.OneOf = append(whole.OneOf, one)
	}
	return whole
}

// tidy takes out what no file can say: keys not available yet, fields without a key.
func tidy(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if s.Properties != nil {
		var drop []string
		for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
			if pair.Value.Comments == later || unicode.IsUpper([]rune(pair.Key)[0]) || strings.TrimSpace(pair.Key) == "" {
				drop = append(drop, pair.Key)
				continue
			}
			tidy(pair.Value)
		}
		for _, key := range drop {
			s.Properties.Delete(key)
		}
	}
	tidy(s.Items)
	tidy(s.AdditionalProperties)
	for _, one := range s.OneOf {
		tidy(one)
	}
}

// require marks keys as required in the objects that stand under a key.
func require(s *jsonschema.Schema, under string, keys ...string) {
	if s == nil {
		return
	}
	if s.Properties != nil {
		for pair := s.Properties.Oldest(); pair != nil; pair = pair.Next() {
			if pair.Key == under {
				object := pair.Value
				if object.Items != nil {
					object = object.Items
				}
				object.Required = keys
			}
			require(pair.Value, under, keys...)
		}
	}
	require(s.Items, under, keys...)
	require(s.AdditionalProperties, under, keys...)
}
