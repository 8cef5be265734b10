-- Whoever asks about the past begins at the snapshot before it.
grant select on ledger.snapshots to muniment_reader;
