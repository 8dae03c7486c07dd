package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// column is a column of a bulk write with its type on PostgreSQL.
type column struct{ name, typ string }

// newIDs reserves n growing keys of the table.
func (tx *Tx) newIDs(table string, n int) ([]int64, error) {
	if n == 0 {
		return nil, nil
	}
	ids := make([]int64, 0, n)
	if tx.pg != nil {
		err := tx.each(func(scan scanner) error {
			var id int64
			err := scan(&id)
			ids = append(ids, id)
			return err
		}, "SELECT nextval(pg_get_serial_sequence($1, 'id')) FROM generate_series(1, $2::bigint)", table, n)
		return ids, err
	}
	var last int64
	if err := tx.one([]any{&last}, "SELECT coalesce(max(id), 0) FROM "+table); err != nil {
		return nil, err
	}
	for i := range n {
		ids = append(ids, last+1+int64(i))
	}
	return ids, nil
}

// insertMany writes rows that are known to be new: COPY on PostgreSQL, one
// prepared statement on SQLite. Values are of the drivers' own kinds: int64,
// string (cleaned), bool.
func (tx *Tx) insertMany(table string, columns []column, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	if tx.pg != nil {
		if err := tx.together(); err != nil {
			return err
		}
		_, err := tx.pg.CopyFrom(tx.ctx, pgx.Identifier{table}, names, pgx.CopyFromRows(rows))
		return annotate(err, "COPY "+table)
	}
	marks := strings.TrimSuffix(strings.Repeat("?,", len(columns)), ",")
	return tx.prepared("INSERT INTO "+table+" ("+strings.Join(names, ",")+") VALUES ("+marks+")", rows)
}

// updateMany writes columns of rows found by their id, which is the first column.
func (tx *Tx) updateMany(table string, columns []column, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	if tx.pg == nil {
		var set []string
		for i, c := range columns[1:] {
			set = append(set, fmt.Sprintf("%s = ?%d", c.name, i+2))
		}
		return tx.prepared("UPDATE "+table+" SET "+strings.Join(set, ", ")+" WHERE id = ?1", rows)
	}
	var set, names, from []string
	args := make([]any, len(columns))
	for i, c := range columns {
		if i > 0 {
			set = append(set, c.name+" = u."+c.name)
		}
		names = append(names, c.name)
		from = append(from, fmt.Sprintf("$%d::%s[]", i+1, c.typ))
		args[i] = transposed(c.typ, rows, i)
	}
	query := fmt.Sprintf("UPDATE %s t SET %s FROM unnest(%s) AS u(%s) WHERE t.id = u.id", table, strings.Join(set, ", "), strings.Join(from, ", "), strings.Join(names, ", "))
	return tx.post(query, args...)
}

// upsertMany inserts rows, or does then where the key is taken ("DO NOTHING",
// "DO UPDATE SET …"). Keys are distinct within rows.
func (tx *Tx) upsertMany(table string, columns []column, rows [][]any, then string) error {
	if len(rows) == 0 {
		return nil
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	head := "INSERT INTO " + table + " (" + strings.Join(names, ",") + ") "
	if tx.pg == nil {
		return tx.prepared(head+"VALUES ("+strings.TrimSuffix(strings.Repeat("?,", len(columns)), ",")+") ON CONFLICT "+then, rows)
	}
	from := make([]string, len(columns))
	args := make([]any, len(columns))
	for i, c := range columns {
		from[i] = fmt.Sprintf("$%d::%s[]", i+1, c.typ)
		args[i] = transposed(c.typ, rows, i)
	}
	query := head + "SELECT * FROM unnest(" + strings.Join(from, ", ") + ") ON CONFLICT " + then
	return tx.post(query, args...)
}

func transposed(typ string, rows [][]any, i int) any {
	switch typ {
	case "bigint":
		return pick[int64](rows, i)
	case "boolean":
		return pick[bool](rows, i)
	}
	return pick[string](rows, i)
}

func pick[T any](rows [][]any, i int) []T {
	out := make([]T, len(rows))
	for n, row := range rows {
		out[n], _ = row[i].(T)
	}
	return out
}

// prepared runs a statement once a row. The driver spends a goroutine on each
// statement that can be cancelled: these last microseconds and cannot, what is
// looked at is whether the whole was.
func (tx *Tx) prepared(query string, rows [][]any) error {
	ctx := context.WithoutCancel(tx.ctx)
	statement, err := tx.lite.PrepareContext(ctx, query)
	if err != nil {
		return annotate(err, query)
	}
	defer statement.Close()
	for _, row := range rows {
		if _, err := statement.ExecContext(ctx, row...); err != nil {
			return annotate(err, query)
		}
	}
	return tx.ctx.Err()
}
