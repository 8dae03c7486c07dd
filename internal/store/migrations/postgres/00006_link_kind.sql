-- +goose Up
-- An invoice and a payment may have the same id in their source.
DROP INDEX allocation_external;
CREATE UNIQUE INDEX allocation_external ON allocation (connection, grp, item, kind);

-- +goose Down
DROP INDEX allocation_external;
CREATE UNIQUE INDEX allocation_external ON allocation (connection, grp, item);
