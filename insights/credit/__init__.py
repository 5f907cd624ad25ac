"""What a credit report says beside what the banks say, and how scores moved."""
