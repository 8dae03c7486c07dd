-- +goose Up
CREATE TABLE undelivered (
  outbox   BIGINT NOT NULL,
  address  TEXT NOT NULL,
  customer BIGINT NOT NULL,
  why      TEXT NOT NULL,
  at       BIGINT NOT NULL,
  text     TEXT NOT NULL,
  PRIMARY KEY (outbox, address)
);
CREATE INDEX undelivered_customer ON undelivered (customer);

-- +goose Down
DROP TABLE undelivered;
