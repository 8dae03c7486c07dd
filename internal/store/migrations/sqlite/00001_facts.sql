-- +goose Up
-- Instants are microseconds UTC (0: never), dates YYYY-MM-DD ('': none),
-- amounts minor units beside a currency.
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
CREATE TABLE company (
  id                 TEXT PRIMARY KEY,
  first_confirmed_at BIGINT NOT NULL DEFAULT 0,
  remind_at          BIGINT NOT NULL DEFAULT 0,
  restored_at        BIGINT NOT NULL DEFAULT 0,
  rules              TEXT NOT NULL DEFAULT ''
);
CREATE TABLE batch (
  company TEXT NOT NULL,
  day     TEXT NOT NULL,
  n       BIGINT NOT NULL,
  PRIMARY KEY (company, day)
);
CREATE TABLE connection (
  id              INTEGER PRIMARY KEY,
  company         TEXT NOT NULL,
  name            TEXT NOT NULL,
  type            TEXT NOT NULL,
  cursor          TEXT NOT NULL DEFAULT '',
  as_of           BIGINT NOT NULL DEFAULT 0,
  pass_started_at BIGINT NOT NULL DEFAULT 0,
  pass_ended_at   BIGINT NOT NULL DEFAULT 0,
  accepted_at     BIGINT NOT NULL DEFAULT 0,
  written_at      BIGINT NOT NULL DEFAULT 0,
  reread_at       BIGINT NOT NULL DEFAULT 0,
  listed_at       BIGINT NOT NULL DEFAULT 0,
  confirmed_at    BIGINT NOT NULL DEFAULT 0,
  confirmed_by    TEXT NOT NULL DEFAULT '',
  suspect_at      BIGINT NOT NULL DEFAULT 0,
  findings        TEXT NOT NULL DEFAULT '',
  error           TEXT NOT NULL DEFAULT '',
  last_payment_on TEXT NOT NULL DEFAULT '',
  up_to_date_on   TEXT NOT NULL DEFAULT '',
  pass            TEXT NOT NULL DEFAULT '',
  stats           TEXT NOT NULL DEFAULT '',
  tally           TEXT NOT NULL DEFAULT '',
  round           BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX connection_name ON connection (company, name);
CREATE TABLE customer (
  id         INTEGER PRIMARY KEY,
  company    TEXT NOT NULL,
  code       TEXT NOT NULL,
  root       BIGINT NOT NULL,
  overlay    TEXT NOT NULL DEFAULT '',
  since      BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX customer_code ON customer (company, code);
CREATE INDEX customer_root ON customer (root);
CREATE TABLE overlay (
  company    TEXT NOT NULL,
  connection TEXT NOT NULL,
  code       TEXT NOT NULL,
  payer      TEXT NOT NULL,
  content    TEXT NOT NULL,
  PRIMARY KEY (company, connection, code)
);
CREATE INDEX overlay_code ON overlay (company, code);
CREATE INDEX overlay_payer ON overlay (company, payer) WHERE payer <> '';
CREATE TABLE account (
  id            INTEGER PRIMARY KEY,
  connection    BIGINT NOT NULL,
  external      TEXT NOT NULL,
  customer      BIGINT NOT NULL,
  code          TEXT NOT NULL,
  name          TEXT NOT NULL,
  hash          TEXT NOT NULL,
  content       TEXT NOT NULL,
  since         BIGINT NOT NULL,
  first_seen_at BIGINT NOT NULL,
  written_at    BIGINT NOT NULL,
  gone_at       BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX account_external ON account (connection, external);
CREATE INDEX account_customer ON account (customer);
CREATE INDEX account_code ON account (connection, code);
CREATE TABLE document (
  id            INTEGER PRIMARY KEY,
  connection    BIGINT NOT NULL,
  external      TEXT NOT NULL,
  account       BIGINT NOT NULL,
  customer      BIGINT NOT NULL,
  kind          TEXT NOT NULL,
  number        TEXT NOT NULL,
  folded        TEXT NOT NULL,
  currency      TEXT NOT NULL,
  total         BIGINT NOT NULL,
  outstanding   BIGINT NOT NULL,
  hash          TEXT NOT NULL,
  content       TEXT NOT NULL,
  problem       TEXT NOT NULL DEFAULT '',
  problem_at    BIGINT NOT NULL DEFAULT 0,
  since         BIGINT NOT NULL,
  first_seen_at BIGINT NOT NULL,
  round         BIGINT NOT NULL,
  gone_at       BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX document_external ON document (connection, external);
CREATE INDEX document_customer ON document (customer);
CREATE INDEX document_number ON document (folded);
CREATE INDEX document_open ON document (connection, external) WHERE outstanding <> 0 AND gone_at = 0;
CREATE INDEX document_round ON document (connection, round, id);
CREATE TABLE due (
  id          INTEGER PRIMARY KEY,
  document    BIGINT NOT NULL,
  customer    BIGINT NOT NULL,
  rank        BIGINT NOT NULL,
  due_on      TEXT NOT NULL,
  total       BIGINT NOT NULL,
  outstanding BIGINT NOT NULL,
  estimated   BOOLEAN NOT NULL,
  changed_at  BIGINT NOT NULL,
  gone_at     BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX due_rank ON due (document, rank);
CREATE INDEX due_open ON due (customer) WHERE outstanding <> 0 AND gone_at = 0;
CREATE TABLE payment (
  id            INTEGER PRIMARY KEY,
  connection    BIGINT NOT NULL,
  external      TEXT NOT NULL,
  account       BIGINT NOT NULL,
  customer      BIGINT NOT NULL,
  paid_on       TEXT NOT NULL,
  currency      TEXT NOT NULL,
  amount        BIGINT NOT NULL,
  unallocated   BIGINT NOT NULL,
  derived       BOOLEAN NOT NULL,
  hash          TEXT NOT NULL,
  content       TEXT NOT NULL,
  since         BIGINT NOT NULL,
  first_seen_at BIGINT NOT NULL,
  gone_at       BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX payment_external ON payment (connection, external);
CREATE INDEX payment_customer ON payment (customer);
CREATE INDEX payment_open ON payment (customer) WHERE unallocated <> 0 AND gone_at = 0;
CREATE TABLE allocation (
  id            INTEGER PRIMARY KEY,
  connection    BIGINT NOT NULL,
  grp           TEXT NOT NULL,
  item          TEXT NOT NULL,
  kind          TEXT NOT NULL,
  currency      TEXT NOT NULL,
  amount        BIGINT NOT NULL,
  hash          TEXT NOT NULL,
  content       TEXT NOT NULL,
  since         BIGINT NOT NULL,
  first_seen_at BIGINT NOT NULL,
  round         BIGINT NOT NULL,
  gone_at       BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX allocation_external ON allocation (connection, grp, item);
CREATE INDEX allocation_item ON allocation (connection, item);
CREATE INDEX allocation_round ON allocation (connection, round, id);
CREATE TABLE listing (
  connection BIGINT NOT NULL,
  kind       TEXT NOT NULL,
  part       TEXT NOT NULL,
  generation BIGINT NOT NULL,
  as_of      BIGINT NOT NULL,
  PRIMARY KEY (connection, kind, part)
);
CREATE TABLE seen (
  connection BIGINT NOT NULL,
  kind       TEXT NOT NULL,
  part       TEXT NOT NULL,
  external   TEXT NOT NULL,
  generation BIGINT NOT NULL,
  PRIMARY KEY (connection, kind, part, external)
);
CREATE TABLE bad (
  id         INTEGER PRIMARY KEY,
  connection BIGINT NOT NULL,
  kind       TEXT NOT NULL,
  external   TEXT NOT NULL,
  file       TEXT NOT NULL,
  line       BIGINT NOT NULL,
  text       TEXT NOT NULL,
  note       BOOLEAN NOT NULL,
  at         BIGINT NOT NULL
);
CREATE INDEX bad_external ON bad (connection, kind, external);
CREATE TABLE history (
  id       INTEGER PRIMARY KEY,
  tbl      TEXT NOT NULL,
  row_id   BIGINT NOT NULL,
  from_at  BIGINT NOT NULL,
  until_at BIGINT NOT NULL,
  content  TEXT NOT NULL
);
CREATE INDEX history_row ON history (tbl, row_id, until_at);
CREATE TABLE contact (
  company  TEXT NOT NULL,
  customer BIGINT NOT NULL,
  address  TEXT NOT NULL,
  domain   TEXT NOT NULL,
  origin   TEXT NOT NULL,
  PRIMARY KEY (customer, address, origin)
);
CREATE INDEX contact_address ON contact (company, address);
CREATE INDEX contact_domain ON contact (company, domain);
CREATE TABLE bounced (
  customer BIGINT NOT NULL,
  address  TEXT NOT NULL,
  at       BIGINT NOT NULL,
  status   TEXT NOT NULL,
  text     TEXT NOT NULL,
  PRIMARY KEY (customer, address)
);
CREATE TABLE agenda (
  customer INTEGER PRIMARY KEY,
  company  TEXT NOT NULL,
  version  BIGINT NOT NULL,
  next_at  BIGINT NOT NULL,
  rules    TEXT NOT NULL,
  gated    BOOLEAN NOT NULL
);
CREATE INDEX agenda_next ON agenda (company, next_at) WHERE gated = FALSE;
CREATE INDEX agenda_gated ON agenda (company, customer) WHERE gated = TRUE;
CREATE TABLE hold (
  id       INTEGER PRIMARY KEY,
  customer BIGINT NOT NULL,
  document BIGINT NOT NULL,
  reason   TEXT NOT NULL,
  by_whom  TEXT NOT NULL,
  note     TEXT NOT NULL,
  from_at  BIGINT NOT NULL,
  until_on TEXT NOT NULL,
  ended_at BIGINT NOT NULL DEFAULT 0,
  ended_by TEXT NOT NULL DEFAULT '',
  reply    BIGINT NOT NULL
);
CREATE INDEX hold_customer ON hold (customer);
CREATE TABLE promise (
  id       INTEGER PRIMARY KEY,
  customer BIGINT NOT NULL,
  document BIGINT NOT NULL,
  amount   BIGINT NOT NULL,
  currency TEXT NOT NULL,
  on_day   TEXT NOT NULL,
  until_on TEXT NOT NULL,
  claimed  TEXT NOT NULL,
  by_whom  TEXT NOT NULL,
  made_at  BIGINT NOT NULL,
  ended_at BIGINT NOT NULL DEFAULT 0,
  ended_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX promise_customer ON promise (customer);
CREATE TABLE dispute (
  id        INTEGER PRIMARY KEY,
  customer  BIGINT NOT NULL,
  document  BIGINT NOT NULL,
  amount    BIGINT NOT NULL,
  currency  TEXT NOT NULL,
  reason    TEXT NOT NULL,
  owner     TEXT NOT NULL,
  by_whom   TEXT NOT NULL,
  until_on  TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  ended_at  BIGINT NOT NULL DEFAULT 0,
  ended_by  TEXT NOT NULL DEFAULT ''
);
CREATE INDEX dispute_customer ON dispute (customer);
CREATE TABLE task (
  id        INTEGER PRIMARY KEY,
  company   TEXT NOT NULL,
  customer  BIGINT NOT NULL,
  key       TEXT NOT NULL,
  kind      TEXT NOT NULL,
  title     TEXT NOT NULL,
  document  BIGINT NOT NULL,
  step      TEXT NOT NULL,
  lines     TEXT NOT NULL,
  due_on    TEXT NOT NULL,
  owner     TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  done_at   BIGINT NOT NULL DEFAULT 0,
  done_by   TEXT NOT NULL DEFAULT '',
  outcome   TEXT NOT NULL DEFAULT ''
);
CREATE INDEX task_customer ON task (customer);
CREATE UNIQUE INDEX task_open ON task (company, key) WHERE key <> '' AND done_at = 0;
CREATE TABLE taken (
  due  BIGINT NOT NULL,
  plan TEXT NOT NULL,
  step TEXT NOT NULL,
  at   BIGINT NOT NULL,
  how  TEXT NOT NULL,
  PRIMARY KEY (due, plan, step)
);
CREATE TABLE command (
  id       INTEGER PRIMARY KEY,
  company  TEXT NOT NULL,
  key      TEXT NOT NULL,
  kind     TEXT NOT NULL,
  mailbox  TEXT NOT NULL,
  sender   TEXT NOT NULL,
  content  TEXT NOT NULL,
  at       BIGINT NOT NULL,
  done_at  BIGINT NOT NULL DEFAULT 0,
  result   TEXT NOT NULL DEFAULT '',
  message  BIGINT NOT NULL
);
CREATE UNIQUE INDEX command_key ON command (company, key);
CREATE INDEX command_pending ON command (company, id) WHERE done_at = 0;
CREATE TABLE outbox (
  id          INTEGER PRIMARY KEY,
  company     TEXT NOT NULL,
  customer    BIGINT NOT NULL,
  kind        TEXT NOT NULL,
  state       TEXT NOT NULL,
  site        BIGINT NOT NULL,
  mailbox     TEXT NOT NULL,
  plan        TEXT NOT NULL,
  step        TEXT NOT NULL,
  basis       TEXT NOT NULL,
  approved_at BIGINT NOT NULL,
  approved_by TEXT NOT NULL,
  added       TEXT NOT NULL,
  template    TEXT NOT NULL,
  legal       TEXT NOT NULL,
  language    TEXT NOT NULL,
  because     TEXT NOT NULL,
  content     TEXT NOT NULL,
  key         TEXT NOT NULL,
  recipients  TEXT NOT NULL,
  copies      TEXT NOT NULL,
  amounts     TEXT NOT NULL,
  ref         TEXT NOT NULL,
  reference   TEXT NOT NULL,
  mid         TEXT NOT NULL,
  mids        TEXT NOT NULL,
  subject     TEXT NOT NULL,
  body        TEXT NOT NULL,
  thread      TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  not_before  BIGINT NOT NULL,
  armed_at    BIGINT NOT NULL DEFAULT 0,
  sent_at     BIGINT NOT NULL DEFAULT 0,
  ended_at    BIGINT NOT NULL DEFAULT 0,
  changed_at  BIGINT NOT NULL,
  attempts    BIGINT NOT NULL DEFAULT 0,
  fence       BIGINT NOT NULL DEFAULT 0,
  server      TEXT NOT NULL DEFAULT '',
  problem     TEXT NOT NULL DEFAULT '',
  stage       TEXT NOT NULL DEFAULT '',
  rendered    BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE UNIQUE INDEX outbox_live ON outbox (customer, site) WHERE kind = 'reminder' AND state IN ('draft', 'queued', 'armed', 'unknown');
CREATE UNIQUE INDEX outbox_key ON outbox (company, key) WHERE key <> '';
CREATE UNIQUE INDEX outbox_ref ON outbox (ref) WHERE ref <> '';
CREATE INDEX outbox_customer ON outbox (customer);
CREATE INDEX outbox_reference ON outbox (reference);
CREATE INDEX outbox_queue ON outbox (company, mailbox, not_before) WHERE state = 'queued';
CREATE INDEX outbox_armed ON outbox (company, mailbox) WHERE state = 'armed';
CREATE INDEX outbox_sent ON outbox (company, mailbox, sent_at) WHERE sent_at > 0;
CREATE TABLE outbox_bytes (
  outbox INTEGER PRIMARY KEY,
  bytes  BLOB NOT NULL,
  sha256 TEXT NOT NULL
);
CREATE TABLE outbox_line (
  outbox      BIGINT NOT NULL,
  n           BIGINT NOT NULL,
  due         BIGINT NOT NULL,
  document    BIGINT NOT NULL,
  invoice     TEXT NOT NULL,
  role        TEXT NOT NULL,
  outstanding BIGINT NOT NULL,
  currency    TEXT NOT NULL,
  PRIMARY KEY (outbox, n)
);
CREATE INDEX outbox_line_document ON outbox_line (document);
CREATE TABLE sent_id (
  company TEXT NOT NULL,
  mid     TEXT NOT NULL,
  outbox  BIGINT NOT NULL,
  PRIMARY KEY (company, mid)
);
CREATE TABLE sent_to (
  outbox  BIGINT NOT NULL,
  address TEXT NOT NULL,
  PRIMARY KEY (outbox, address)
);
CREATE INDEX sent_to_address ON sent_to (address);
CREATE TABLE thread (
  company  TEXT NOT NULL,
  guid     TEXT NOT NULL,
  customer BIGINT NOT NULL,
  outbox   BIGINT NOT NULL,
  PRIMARY KEY (company, guid, customer)
);
CREATE TABLE mailbox (
  company     TEXT NOT NULL,
  name        TEXT NOT NULL,
  address     TEXT NOT NULL,
  read_at     BIGINT NOT NULL DEFAULT 0,
  rang_at     BIGINT NOT NULL DEFAULT 0,
  error_at    BIGINT NOT NULL DEFAULT 0,
  error_kind  TEXT NOT NULL DEFAULT '',
  error       TEXT NOT NULL DEFAULT '',
  blocked_at  BIGINT NOT NULL DEFAULT 0,
  blocked     TEXT NOT NULL DEFAULT '',
  files_sent  TEXT NOT NULL DEFAULT '',
  pace_until  BIGINT NOT NULL DEFAULT 0,
  pace_factor BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (company, name)
);
CREATE TABLE folder (
  company      TEXT NOT NULL,
  mailbox      TEXT NOT NULL,
  name         TEXT NOT NULL,
  uid_validity BIGINT NOT NULL,
  next_uid     BIGINT NOT NULL,
  read_at      BIGINT NOT NULL,
  renewed_at   BIGINT NOT NULL,
  renewals     BIGINT NOT NULL,
  PRIMARY KEY (company, mailbox, name)
);
CREATE TABLE message_in (
  id          INTEGER PRIMARY KEY,
  company     TEXT NOT NULL,
  identity    TEXT NOT NULL,
  mailbox     TEXT NOT NULL,
  mid         TEXT NOT NULL,
  mid_key     TEXT NOT NULL,
  sender      TEXT NOT NULL,
  sender_name TEXT NOT NULL,
  recipients  TEXT NOT NULL,
  subject     TEXT NOT NULL,
  date_at     BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  class       TEXT NOT NULL,
  holds       BOOLEAN NOT NULL,
  quote       TEXT NOT NULL,
  return_on   TEXT NOT NULL,
  absent      TEXT NOT NULL,
  evidence    TEXT NOT NULL,
  thread      TEXT NOT NULL,
  labels      TEXT NOT NULL,
  problems    TEXT NOT NULL
);
CREATE UNIQUE INDEX message_in_identity ON message_in (company, identity);
CREATE INDEX message_in_mid ON message_in (company, mid_key) WHERE mid_key <> '';
CREATE TABLE message_match (
  message  BIGINT NOT NULL,
  customer BIGINT NOT NULL,
  outbox   BIGINT NOT NULL,
  level    TEXT NOT NULL,
  evidence TEXT NOT NULL,
  PRIMARY KEY (message, customer)
);
CREATE INDEX message_match_customer ON message_match (customer);
CREATE TABLE place (
  message      BIGINT NOT NULL,
  mailbox      TEXT NOT NULL,
  folder       TEXT NOT NULL,
  uid_validity BIGINT NOT NULL,
  uid          BIGINT NOT NULL,
  PRIMARY KEY (message, mailbox, folder, uid_validity, uid)
);
CREATE TABLE work_list (
  id         INTEGER PRIMARY KEY,
  company    TEXT NOT NULL,
  token      TEXT NOT NULL,
  recipient  TEXT NOT NULL,
  sent_at    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL DEFAULT 0,
  used_by    TEXT NOT NULL DEFAULT '',
  outbox     BIGINT NOT NULL
);
CREATE UNIQUE INDEX work_list_token ON work_list (token);
CREATE TABLE work_item (
  list   BIGINT NOT NULL,
  number BIGINT NOT NULL,
  outbox BIGINT NOT NULL,
  basis  TEXT NOT NULL,
  acted  TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (list, number)
);
CREATE TABLE event (
  id        INTEGER PRIMARY KEY,
  company   TEXT NOT NULL,
  customer  BIGINT NOT NULL,
  at        BIGINT NOT NULL,
  kind      TEXT NOT NULL,
  by_whom   TEXT NOT NULL,
  text      TEXT NOT NULL,
  ref       TEXT NOT NULL,
  salt      TEXT NOT NULL DEFAULT '',
  digest    TEXT NOT NULL DEFAULT '',
  previous  TEXT NOT NULL DEFAULT '',
  hash      TEXT NOT NULL DEFAULT '',
  erased_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX event_customer ON event (company, customer, id);
CREATE INDEX event_unsealed ON event (id) WHERE hash = '';
CREATE TABLE lease (
  name     TEXT PRIMARY KEY,
  owner    TEXT NOT NULL,
  fence    BIGINT NOT NULL,
  until_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE lease;
DROP TABLE event;
DROP TABLE work_item;
DROP TABLE work_list;
DROP TABLE place;
DROP TABLE message_match;
DROP TABLE message_in;
DROP TABLE folder;
DROP TABLE mailbox;
DROP TABLE thread;
DROP TABLE sent_to;
DROP TABLE sent_id;
DROP TABLE outbox_line;
DROP TABLE outbox_bytes;
DROP TABLE outbox;
DROP TABLE command;
DROP TABLE taken;
DROP TABLE task;
DROP TABLE dispute;
DROP TABLE promise;
DROP TABLE hold;
DROP TABLE agenda;
DROP TABLE bounced;
DROP TABLE contact;
DROP TABLE history;
DROP TABLE bad;
DROP TABLE seen;
DROP TABLE listing;
DROP TABLE allocation;
DROP TABLE payment;
DROP TABLE due;
DROP TABLE document;
DROP TABLE account;
DROP TABLE overlay;
DROP TABLE customer;
DROP TABLE connection;
DROP TABLE batch;
DROP TABLE company;
DROP TABLE meta;
