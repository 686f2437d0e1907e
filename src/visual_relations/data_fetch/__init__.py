"""`kedro data fetch NAME`: published files, resumed after a break, verified before anything is unpacked."""
