-- The same platform on MariaDB or MySQL 8. All made up; what counts is how little keysweep needs of it: two views and a login that
-- reads them.
CREATE TABLE users (
    id        char(36) PRIMARY KEY,
    email     varchar(254) NOT NULL,
    locale    varchar(12),
    confirmed datetime
);

CREATE TABLE teams (
    id    char(36) PRIMARY KEY,
    title varchar(200) NOT NULL,
    owner char(36) NOT NULL REFERENCES users (id)
);

CREATE TABLE team_members (
    team    char(36) NOT NULL REFERENCES teams (id),
    member  char(36) NOT NULL REFERENCES users (id),
    removed datetime,
    PRIMARY KEY (team, member)
);

CREATE TABLE integrations (
    id        bigint PRIMARY KEY,
    team      char(36) NOT NULL REFERENCES teams (id),
    service   varchar(40) NOT NULL,
    label     varchar(200),
    state     enum('connected', 'halted') NOT NULL DEFAULT 'connected',
    api_key   varchar(200),           -- the public half, where the service has one
    token     varbinary(1024),        -- encrypted: AES_ENCRYPT(token, key)
    made_by   char(36) REFERENCES users (id),
    made      datetime NOT NULL,      -- UTC
    token_set datetime,
    synced    datetime,
    changed   datetime NOT NULL,
    -- a soft delete: the row stays, and so does its token until a job clears it
    gone      datetime,
    KEY integrations_by_change (changed)
);

-- The key of the tokens: only the function below reads it.
CREATE TABLE token_key (value varchar(200) NOT NULL);

-- Decrypts for whoever may call it, without showing the key. keysweep's login may.
CREATE FUNCTION opened(token varbinary(1024)) RETURNS varchar(1024) CHARACTER SET utf8mb4
READS SQL DATA SQL SECURITY DEFINER
RETURN CONVERT(AES_DECRYPT(token, (SELECT value FROM token_key)) USING utf8mb4);

CREATE VIEW keysweep_connections AS
SELECT i.id                                           AS connection_id,
       i.team                                         AS account_id,
       i.service                                      AS provider,
       i.label                                        AS name,
       CASE WHEN i.gone IS NOT NULL THEN 'deleted'
            WHEN i.state = 'halted' THEN 'paused'
            ELSE 'active' END                         AS status,
       i.made                                         AS created_at,
       i.changed                                      AS updated_at,
       i.gone                                         AS deleted_at,
       i.token_set                                    AS secret_set_at,
       i.synced                                       AS last_sync_at,
       i.api_key                                      AS key_id,
       opened(i.token)                                AS secret,
       i.made_by                                      AS created_by
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
--   CREATE USER keysweep IDENTIFIED BY '...' REQUIRE SSL;
--   GRANT SELECT ON keysweep_connections TO keysweep;
--   GRANT SELECT ON keysweep_people TO keysweep;
