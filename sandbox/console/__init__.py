"""A page of buttons that let the stories of ``admin.stories`` happen to an Item."""
