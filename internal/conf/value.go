package conf

import (
	"encoding/json"

	"github.com/goccy/go-yaml/ast"
)

// maxValues bounds what Value makes of one node: aliases repeat.
const maxValues = 10_000

// Value returns what stands at n as plain data that can be written as JSON: nil,
// bool, string, json.Number, []any, map[string]any. Where a key stands twice the
// first counts. What goes beyond ten thousand values is left out.
func (n Node) Value() any {
	left := maxValues
	return n.plain(&left)
}

func (n Node) plain(left *int) any {
	if *left--; *left < 0 {
		return nil
	}
	switch v := n.resolved().(type) {
	case nil, *ast.NullNode:
		return nil
	case *ast.BoolNode:
		return v.Value
	case *ast.IntegerNode, *ast.FloatNode:
		text := v.GetToken().Value
		if number := json.Number(text); json.Valid([]byte(text)) {
			return number
		}
		return text
	case *ast.SequenceNode:
		list := []any{}
		for _, item := range n.Items() {
			list = append(list, item.plain(left))
		}
		return list
	case *ast.MappingNode, *ast.MappingValueNode:
		object := map[string]any{}
		for _, p := range n.pairs() {
			if _, twice := object[p.name]; !twice {
				object[p.name] = p.node.plain(left)
			}
		}
		return object
	}
	return n.Text()
}
