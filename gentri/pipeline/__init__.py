"""The machine: sessions, stages, fingerprints, receipts, resume. Knows no camera and no person."""
