-- An address may be several people's, and what its server says of it, it says of the address.
ALTER TABLE suppressed RENAME TO suppressed_people;
CREATE TABLE suppressed (
    email               TEXT    PRIMARY KEY,
    until               BIGINT  NOT NULL,             -- when it is tried again
    reason              TEXT    NOT NULL
);
INSERT INTO suppressed (email, until, reason) SELECT email, max(until), max(reason) FROM suppressed_people GROUP BY email;
DROP TABLE suppressed_people;
