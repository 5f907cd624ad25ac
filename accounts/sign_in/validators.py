from django.core.exceptions import ValidationError
from django.utils.translation import ngettext


class MaximumLengthValidator:
    """Refuses passwords that are so long that hashing them could overload the server."""

    max_length = 256

    def validate(self, password: str, user: object = None) -> None:
        """Raise ``ValidationError`` for a password of more than 256 characters."""
        if len(password) > self.max_length:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        sentence = ngettext("Use at most %(count)d character.", "Use at most %(count)d characters.", self.max_length)
        return sentence % {"count": self.max_length}
