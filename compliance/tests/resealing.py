"""A program for ``test_rotation.py``, which kills it: one pass of resealing over the sample boxes."""

import django

if __name__ == "__main__":
    django.setup()
    from compliance.tests.sample_tables import model
    from compliance.vault.rotation import Resealing

    box = model("Box")
    done = Resealing().run([(box, box._meta.get_field("token"))])
    print(done.resealed, done.changed_meanwhile)  # noqa: T201  (the test reads it)
