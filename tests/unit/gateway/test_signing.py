import base64

from services.gateway.signing import new_secret, signed_headers

EXAMPLE = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_signature_is_that_of_the_standards_own_example() -> None:
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [EXAMPLE])

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_replaced_secret_signs_beside_the_new_one() -> None:
    newer = new_secret()

    [new, old] = signed_headers("id", 1, b"{}", [newer, EXAMPLE])["webhook-signature"].split(" ")

    assert [new] == signed_headers("id", 1, b"{}", [newer])["webhook-signature"].split(" ")
    assert [old] == signed_headers("id", 1, b"{}", [EXAMPLE])["webhook-signature"].split(" ")


def test_a_new_secret_has_the_standards_form() -> None:
    prefix, _, encoded = new_secret().partition("_")

    assert prefix == "whsec"
    assert 24 <= len(base64.b64decode(encoded)) <= 64
    assert new_secret() != new_secret()
