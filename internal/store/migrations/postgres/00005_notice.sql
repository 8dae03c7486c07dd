-- +goose Up
-- Notices go before reminders and are looked for before every few of them: not
-- among all that wait.
CREATE INDEX outbox_notice ON outbox (company, mailbox, not_before) WHERE state = 'queued' AND kind = 'notice';

-- +goose Down
DROP INDEX outbox_notice;
