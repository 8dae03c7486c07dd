-- +goose Up
ALTER TABLE folder ADD COLUMN vanished BIGINT NOT NULL DEFAULT 0;
ALTER TABLE folder ADD COLUMN vanished_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE folder ADD COLUMN vanished_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE folder DROP COLUMN vanished_at;
ALTER TABLE folder DROP COLUMN vanished_since;
ALTER TABLE folder DROP COLUMN vanished;
