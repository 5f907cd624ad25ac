"""A program that ``test_rotation.py`` starts and kills: one pass of resealing over the sample boxes."""

import django

if __name__ == "__main__":
    django.setup()
    from compliance.tests.sample_tables import model
    from compliance.vault.rotation import Resealing

    box = model("Box")
    done = Resealing().run([(box, box._meta.get_field("token"))])
    print(done.resealed, done.changed_meanwhile)  # noqa: T201  (the test reads it)
