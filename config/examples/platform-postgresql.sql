-- A platform as many are on PostgreSQL or Supabase: users, teams, integrations with encrypted tokens and soft deletes. All
-- made up; what counts is how little keysweep needs of it: two views and a login that reads them.
CREATE EXTENSION IF NOT EXISTS pgcrypto;

CREATE TABLE users (
    id         uuid PRIMARY KEY,
    email      text NOT NULL,
    locale     text,
    confirmed  timestamptz
);

CREATE TABLE teams (
    id    uuid PRIMARY KEY,
    title text NOT NULL,
    owner uuid NOT NULL REFERENCES users
);

CREATE TABLE team_members (
    team    uuid NOT NULL REFERENCES teams,
    member  uuid NOT NULL REFERENCES users,
    removed timestamptz,
    PRIMARY KEY (team, member)
);

CREATE TYPE integration_state AS ENUM ('connected', 'halted');

CREATE TABLE integrations (
    id           bigint PRIMARY KEY,
    team         uuid NOT NULL REFERENCES teams,
    service      text NOT NULL,
    label        text,
    state        integration_state NOT NULL DEFAULT 'connected',
    api_key      text,              -- the public half, where the service has one
    token        bytea,             -- encrypted: pgp_sym_encrypt(token, key)
    made_by      uuid REFERENCES users,
    made         timestamptz NOT NULL,
    token_set    timestamptz,
    synced       timestamptz,
    changed      timestamptz NOT NULL,
    -- a soft delete: the row stays, and so does its token until a job clears it
    gone         timestamptz
);
CREATE INDEX integrations_by_change ON integrations (changed);

-- The key of the tokens. Here it is a row that only the owner of the function may read. Where yours is in an extension for
-- secrets (on Supabase: vault.decrypted_secrets), let the function ask there.
CREATE TABLE token_key (value text NOT NULL);

-- Decrypts for whoever may call it, without showing the key. keysweep's login may.
CREATE FUNCTION opened(token bytea) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
AS 'SELECT pgp_sym_decrypt(token, (SELECT value FROM token_key))';
REVOKE ALL ON FUNCTION opened FROM PUBLIC;

CREATE VIEW keysweep_connections AS
SELECT i.id                                                AS connection_id,
       i.team                                              AS account_id,
       i.service                                           AS provider,
       i.label                                             AS name,
       CASE WHEN i.gone IS NOT NULL THEN 'deleted'
            WHEN i.state = 'halted' THEN 'paused'
            ELSE 'active' END                              AS status,
       i.made                                              AS created_at,
       i.changed                                           AS updated_at,
       i.gone                                              AS deleted_at,
       i.token_set                                         AS secret_set_at,
       i.synced                                            AS last_sync_at,
       i.api_key                                           AS key_id,
       opened(i.token)                                     AS secret,
       i.made_by                                           AS created_by
FROM integrations AS i;

-- Everybody who may be written to. An owner need not be in the list of members.
CREATE VIEW keysweep_people AS
SELECT t.id AS account_id, u.id AS member_id, u.email, 'owner' AS role, 'active' AS status,
       u.confirmed IS NOT NULL AS verified, u.locale
FROM teams AS t JOIN users AS u ON u.id = t.owner
UNION ALL
SELECT m.team, u.id, u.email, 'member', CASE WHEN m.removed IS NULL THEN 'active' ELSE 'removed' END,
       u.confirmed IS NOT NULL, u.locale
FROM team_members AS m JOIN users AS u ON u.id = m.member JOIN teams AS t ON t.id = m.team
WHERE u.id <> t.owner;

-- keysweep's login. It reads the two views and nothing else:
--   CREATE ROLE keysweep LOGIN PASSWORD '...';
--   GRANT SELECT ON keysweep_connections, keysweep_people TO keysweep;
--   GRANT EXECUTE ON FUNCTION opened TO keysweep;
