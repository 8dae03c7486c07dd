-- +goose Up
-- What a vendor let us do, sealed by whoever wrote it; version grows with each
-- change, so that of two who renew at once only one is kept.
CREATE TABLE oauth_grant (
  id         TEXT PRIMARY KEY,
  version    BIGINT NOT NULL,
  sealed     BLOB NOT NULL,
  changed_at BIGINT NOT NULL,
  lost_at    BIGINT NOT NULL DEFAULT 0,
  problem    TEXT NOT NULL DEFAULT ''
);

-- +goose Down
DROP TABLE oauth_grant;
