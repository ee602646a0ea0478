"""Every callback that Meta prints as an example parses into what it says: read against the examples, by eye.

The examples keep their placeholders; three of Meta's are odd, with the `field` missing, misplaced or another's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.inbound import replies_in
from engine.notice_kinds import (
    AccountAlert,
    AccountChange,
    AccountReview,
    Capability,
    GatewayError,
    NumberName,
    NumberQuality,
    Security,
    TemplateCategory,
    TemplateContent,
    TemplateQuality,
    TemplateStatus,
    Unheard,
    Written,
)
from engine.notices import notices_in
from engine.reply_words import shipped
from engine.statuses import statuses_in
from store.types import Reply, StatusUpdate

CONTRACT = Path(__file__).parent.parent / "data" / "contract"
RECEIVED = 5
"""Stands in for a time that an example leaves to a placeholder."""


def examples() -> dict[str, Any]:
    """Every example that is a callback's body, by where it is from."""
    docs = json.loads((CONTRACT / "meta-docs-webhooks.json").read_text(encoding="utf-8"))
    openapi = json.loads((CONTRACT / "meta-openapi-examples.json").read_text(encoding="utf-8"))
    found = {f"docs: {name}": one for name, one in docs.items() if name != "_source"}
    return found | {f"openapi: {name}": one for name, one in openapi["inbound_webhooks"].items()}


EXPECTED: dict[str, list[object]] = {
    "docs: messages/status 0": [
        StatusUpdate(
            campaign_id=None,
            seq=None,
            message_id="wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUFERjg0NDEzNDdFODU3MUMxMAA=",
            status="sent",
            at=1_750_030_073_000,
            pricing="marketing/regular",
            phones=(16_505_551_234,),
        )
    ],
    "docs: messages/status 1": [
        StatusUpdate(
            campaign_id=None,
            seq=None,
            message_id="wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUFERjg0NDEzNDdFODU3MUMxMAA=",
            status="sent",
            at=1_750_030_073_000,
            phones=(16_505_551_234,),
        )
    ],
    "docs: messages/status 2": [
        StatusUpdate(
            campaign_id=None,
            seq=None,
            message_id="wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBI0QUQ2MjA4NEYyRkExNjMyREUA",
            status="failed",
            at=1_751_142_888_000,
            code=131049,
            detail="In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
            phones=(16_505_551_234,),
        )
    ],
    "docs: messages/errors 0": [
        GatewayError(
            at=5,
            phone_number_id="106540352242922",
            code=130429,
            words=(
                "Message failed to send because there were too many messages sent from this phone"
                " number in a short period of time"
            ),
        )
    ],
    "docs: messages/system 0": [Written(at=5, kind="system")],
    "docs: messages/system 1": [Written(at=1_750_269_342_000, kind="system")],
    "docs: messages/button 0": [
        Reply(
            phone=16_505_551_234,
            at=1_750_091_045_000,
            stop=True,
            origin="reply: STOP",
            said="Unsubscribe",
            message_id="wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUFERjg0NDEzNDdFODU3MUMxMAA=",
        ),
        Written(at=1_750_091_045_000, kind="button"),
    ],
    "docs: messages/interactive 0": [Written(at=1_749_854_575_000, kind="interactive")],
    "docs: messages/interactive 1": [
        Reply(
            phone=16_505_551_234,
            at=1_750_025_136_000,
            stop=True,
            origin="reply: STOP",
            said="Cancel",
            message_id="wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTZBQzg0MzQ4QjRCM0NGNkVGOAA=",
        ),
        Written(at=1_750_025_136_000, kind="interactive"),
    ],
    "docs: messages/text 0": [Written(at=1_750_016_800_000, kind="text")],
    "docs: messages/text 1": [Written(at=1_750_275_992_000, kind="text")],
    "docs: messages/unsupported 0": [Written(at=1_750_090_702_000, kind="unsupported")],
    "docs: message_template_status_update 0": [
        TemplateStatus(
            at=1_751_247_548_000,
            account="102290129340398",
            name="order_confirmation",
            language="en_US",
            status="APPROVED",
            why="",
        )
    ],
    "docs: message_template_quality_update 0": [
        TemplateQuality(
            at=1_674_864_290_000, account="102290129340398", name="welcome_template", language="en_US", quality="YELLOW"
        )
    ],
    "docs: message_template_components_update 0": [
        TemplateContent(at=1_751_250_234_000, account="102290129340398", name="order_confirmation", language="en_US")
    ],
    "docs: template_category_update 0": [
        TemplateCategory(
            at=1_746_082_800_000,
            account="102290129340398",
            name="welcome_template",
            language="en_US",
            category="UTILITY",
            planned="MARKETING",
            planned_at=1_746_169_200_000,
        )
    ],
    "docs: template_category_update 1": [
        TemplateCategory(
            at=1_746_169_200_000,
            account="102290129340398",
            name="welcome_template",
            language="en_US",
            category="MARKETING",
            planned="",
            planned_at=None,
        )
    ],
    "docs: account_update 0": [
        AccountChange(
            at=1_743_451_903_000,
            account="102290129340398",
            event="ACCOUNT_DELETED",
            words="The WhatsApp Business Account was deleted",
            holds=True,
            until=None,
        )
    ],
    "docs: account_update 1": [
        AccountChange(
            at=1_743_451_903_000,
            account="102290129340398",
            event="ACCOUNT_VIOLATION",
            words="WhatsApp reports a violation of its policies: ADULT",
            holds=True,
            until=None,
        )
    ],
    "docs: account_update 2": [
        AccountChange(
            at=1_744_823_932_000,
            account="2949482758682047",
            event="AD_ACCOUNT_LINKED",
            words="WhatsApp reports ad account linked",
            holds=False,
            until=None,
        )
    ],
    "docs: account_update 3": [
        AccountChange(
            at=1_743_451_903_000,
            account="102290129340398",
            event="AUTH_INTL_PRICE_ELIGIBILITY_UPDATE",
            words="WhatsApp reports auth intl price eligibility update",
            holds=False,
            until=None,
        )
    ],
    "docs: account_update 4": [
        AccountChange(
            at=1_743_451_903_000,
            account="102290129340398",
            event="DISABLED_UPDATE",
            words="WhatsApp has reinstated the account (April 17, 2025)",
            holds=False,
            until=None,
        )
    ],
    "docs: account_update 5": [
        AccountChange(
            at=1_744_823_932_000,
            account="2949482758682047",
            event="MM_LITE_TERMS_SIGNED",
            words="WhatsApp reports mm lite terms signed",
            holds=False,
            until=None,
        )
    ],
    "docs: account_update 6": [
        AccountChange(
            at=1_744_823_932_000,
            account="2949482758682047",
            event="PARTNER_ADDED",
            words="WhatsApp reports partner added",
            holds=False,
            until=None,
        )
    ],
    "docs: account_update 7": [
        AccountChange(
            at=1_745_337_174_000,
            account="2949482758682047",
            event="PARTNER_APP_INSTALLED",
            words="WhatsApp reports partner app installed",
            holds=False,
            until=None,
        )
    ],
    "docs: account_update 8": [
        AccountChange(
            at=1_748_477_359_000,
            account="2949482758682047",
            event="PARTNER_APP_UNINSTALLED",
            words="WhatsApp reports partner app uninstalled",
            holds=False,
            until=None,
        )
    ],
    "docs: account_update 9": [
        AccountChange(
            at=1_743_138_982_000,
            account="102290129340398",
            event="PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE",
            words="WhatsApp reports partner client certification status update",
            holds=False,
            until=None,
        )
    ],
    "docs: account_update 10": [
        AccountChange(
            at=1_743_138_982_000,
            account="102290129340398",
            event="BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE",
            words="WhatsApp reports business primary location country update",
            holds=False,
            until=None,
        )
    ],
    "docs: account_update 11": [
        AccountChange(
            at=1_743_451_903_000,
            account="102290129340398",
            event="VOLUME_BASED_PRICING_TIER_UPDATE",
            words="WhatsApp reports volume based pricing tier update",
            holds=False,
            until=None,
        )
    ],
    "docs: account_alerts 0": [
        AccountAlert(
            at=1_745_612_159_000,
            kind="INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED",
            words=(
                "WARNING Limits cannot be increased for your business <BUSINESS_PORTFOLIO_NAME>. "
                "Use WhatsApp Business platform actively for several days and follow our "
                "messaging policies."
            ),
        )
    ],
    "docs: account_review_update 0": [AccountReview(at=1_739_321_024_000, decision="APPROVED")],
    "docs: business_capability_update 0": [Capability(at=1_739_321_024_000, quota=2000)],
    "docs: phone_number_quality_update 0": [
        NumberQuality(at=1_748_454_394_000, number=15_550_783_881, event="THROUGHPUT_UPGRADE", quota=-1)
    ],
    "docs: phone_number_name_update 0": [
        NumberName(at=1_739_321_024_000, number=15_550_783_881, words="Lucky Shrub: approved")
    ],
    "docs: security 0": [
        Security(at=1_748_811_473_000, number=15_550_783_881, event="PIN_RESET_REQUEST", who="61555822107539")
    ],
    "docs: user_preferences 0": [
        Reply(phone=16_505_551_234, at=1_731_705_721_000, stop=False, origin="WhatsApp settings: START")
    ],
    "docs: templates/authentication-templates/copy-code-button-authentication-templates 2": [
        Written(at=1_753_919_111_000, kind="button")
    ],
    "docs: business-scoped-user-ids 8": [
        StatusUpdate(
            campaign_id=None,
            seq=None,
            message_id="wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUFERjg0NDEzNDdFODU3MUMxMAA=",
            status="delivered",
            at=1_750_030_073_000,
            pricing="marketing/regular",
            phones=(16_505_551_234,),
        )
    ],
    "docs: business-scoped-user-ids 9": [
        StatusUpdate(
            campaign_id=None,
            seq=None,
            message_id="wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUFERjg0NDEzNDdFODU3MUMxMAA=",
            status="delivered",
            at=1_750_030_073_000,
            pricing="marketing/regular",
        )
    ],
    "docs: business-scoped-user-ids 10": [Written(at=1_749_416_383_000, kind="text")],
    "openapi: Text Message": [Written(at=1_749_416_383_000, kind="text")],
    "openapi: Text Message with Context (Product Inquiry)": [Written(at=1_750_016_800_000, kind="text")],
    "openapi: Text Message from Click to WhatsApp Ad": [Written(at=1_750_275_992_000, kind="text")],
    "openapi: Reaction Message": [Written(at=1_749_419_544_000, kind="reaction")],
    "openapi: Image Message": [Written(at=1_744_344_496_000, kind="image")],
    "openapi: Location Message": [Written(at=1_744_344_496_000, kind="location")],
    "openapi: Contact Sharing Message": [Written(at=1_744_344_496_000, kind="contacts")],
    "openapi: Unsupported Message": [Written(at=1_750_090_702_000, kind="unsupported")],
    "openapi: Button Message": [
        Reply(
            phone=16_505_551_234,
            at=1_750_091_045_000,
            stop=True,
            origin="reply: STOP",
            said="Unsubscribe",
            message_id="wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUU0M0MxQzQzMUJCMTMwNUZFOQA=",
        ),
        Written(at=1_750_091_045_000, kind="button"),
    ],
    "openapi: Interactive List Reply Message": [Written(at=1_749_854_575_000, kind="interactive")],
    "openapi: Interactive Button Reply Message": [
        Reply(
            phone=16_505_551_234,
            at=1_750_025_136_000,
            stop=True,
            origin="reply: STOP",
            said="Cancel",
            message_id="wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTZBQzg0MzQ4QjRCM0NGNkVGOAA=",
        ),
        Written(at=1_750_025_136_000, kind="interactive"),
    ],
    "openapi: Order Message": [Written(at=1_750_096_325_000, kind="order")],
    "openapi: System Message": [Written(at=1_750_269_342_000, kind="system")],
    "openapi: Group Create Message": [Unheard(what="group_lifecycle_update")],
    "openapi: Group Settings Update": [Unheard(what="group_settings_update")],
    "openapi: Group Remove Participants": [Unheard(what="group_participants_update")],
}


def test_every_example_has_an_expectation() -> None:
    assert list(EXPECTED) == list(examples())
    assert len(EXPECTED) == 56


@pytest.mark.parametrize("name", list(EXPECTED))
def test_an_example_of_metas_says_what_it_says(name: str) -> None:
    document = examples()[name]
    found = [
        *statuses_in(document, RECEIVED),
        *replies_in(document, RECEIVED, shipped()),
        *notices_in(document, RECEIVED),
    ]
    assert found == EXPECTED[name]
    assert [type(one) for one in found] == [type(one) for one in EXPECTED[name]]
