DROP TABLE key_usage;
DROP TABLE jwks_readers;
DROP TABLE audit;
DROP FUNCTION audit_only_grows();
