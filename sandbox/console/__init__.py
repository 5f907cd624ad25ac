"""A page of buttons that let the scenarios of ``admin.scenarios`` happen to an Item."""
