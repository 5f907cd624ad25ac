"""The nightly check that a user's figures agree with the rows behind them."""
