//! Discovery documents, and how much of them is read.

use super::*;

#[tokio::test]
async fn oa_06_discovery_openid_config() {
    let story = Story::openid().await;
    let discovered = story.client.discover(ACCOUNT, story.provider.issuer(), None).await.unwrap();
    assert_eq!(discovered.client_authentications, [ClientAuthentication::Basic, ClientAuthentication::None]);
    let mut configuration = Configuration {
        open_id: None,
        authorization_url: String::new(),
        token_url: String::new(),
        user_info_url: None,
        ..story.configuration.clone()
    };
    discovered.fill_in(&mut configuration);
    assert_eq!(configuration, story.configuration);

    // The least that a document says.
    story.provider.twist(Twist::json(Endpoint::Discovery, |document| {
        document.retain(|name, _| name.ends_with("_endpoint") || name == "issuer" || name == "jwks_uri");
        document.remove("userinfo_endpoint");
    }));
    let discovered = story.client.discover(ACCOUNT, story.provider.issuer(), None).await.unwrap();
    assert_eq!(discovered.client_authentications, [ClientAuthentication::Basic], "the default of the specification");
    assert_eq!((discovered.names_itself, discovered.user_info_url), (false, None));
    assert!(!discovered.lacks_s256, "who says nothing of it may know it");
    for (methods, lacks) in [(json!(["plain", "S256"]), false), (json!(["plain"]), true), (json!([]), true)] {
        story.provider.twist(Twist::json(Endpoint::Discovery, move |document| {
            document.insert("code_challenge_methods_supported".to_owned(), methods.clone());
        }));
        let discovered = story.client.discover(ACCOUNT, story.provider.issuer(), None).await.unwrap();
        assert_eq!(discovered.lacks_s256, lacks);
    }
}

#[tokio::test]
async fn oa_20_a_discovery_document_elsewhere_is_read_where_the_account_says_and_still_names_the_issuer() {
    let story = Story::openid().await;
    let named = "https://login.example/11111111-2222/v2.0/";
    story.provider.twist(Twist::json(Endpoint::Discovery, move |document| {
        document.insert("issuer".to_owned(), json!(named));
    }));
    let (own, at) = (story.provider.issuer(), story.provider.url(Endpoint::Discovery));
    let refused = story.client.discover(ACCOUNT, own, None).await.unwrap_err();
    assert_eq!(refused, Failure::differs(Fault::DiscoveryIssuer, own, Some(named)));
    assert_eq!(story.client.discover(ACCOUNT, named, Some(&at)).await.unwrap().issuer, named);
    assert!(story.client.discover(ACCOUNT, own, Some(&at)).await.is_err());
}

#[tokio::test]
async fn oa_15_an_address_without_https_in_a_discovery_document_is_named() {
    for (member, url) in [
        ("token_endpoint", "http://id.example/token"),
        ("jwks_uri", "http://id.example/keys"),
        ("userinfo_endpoint", "ftp://x/"),
    ] {
        let story = Story::twisted(Twist::json(Endpoint::Discovery, move |document| {
            document.insert(member.to_owned(), json!(url));
        }))
        .await;
        let failure = story.client.discover(ACCOUNT, story.provider.issuer(), None).await.unwrap_err();
        assert_eq!(failure, Failure::received(Fault::DiscoveryEndpoint, &format!("{member}: {url}")));
    }
    let story = Story::twisted(Twist::json(Endpoint::Discovery, |document| {
        document.insert("jwks_uri".to_owned(), json!("https://10.0.0.1/keys"));
    }))
    .await;
    let failure = story.client.discover(ACCOUNT, story.provider.issuer(), None).await.unwrap_err();
    assert_eq!(failure, Failure::received(Fault::AddressRefused, "jwks_uri: https://10.0.0.1/keys"));
}

#[tokio::test]
async fn oa_20_the_document_names_the_issuer_that_was_asked_exactly() {
    let names = |edit: fn(&str) -> String| {
        Twist::json(Endpoint::Discovery, move |document| {
            let issuer = edit(document["issuer"].as_str().unwrap());
            document.insert("issuer".to_owned(), json!(issuer));
        })
    };
    for other in [
        |issuer: &str| format!("{issuer}/"),
        |_: &str| "https://id.evil.example".to_owned(),
        |issuer: &str| issuer.to_uppercase(),
    ] {
        assert_eq!(discovering(names(other)).await, Some(Fault::DiscoveryIssuer));
    }
    // One with a slash at the end is another issuer, whose document is in the same place.
    let story = Story::twisted(names(|issuer| format!("{issuer}/"))).await;
    let issuer = format!("{}/", story.provider.issuer());
    assert_eq!(story.client.discover(ACCOUNT, &issuer, None).await.unwrap().issuer, issuer);
}

#[tokio::test]
async fn oa_20_a_document_that_is_none_is_refused() {
    let without = |name: &'static str| Twist::json(Endpoint::Discovery, move |document| drop(document.remove(name)));
    for twist in [
        Twist::answers(Endpoint::Discovery, || StatusCode::NOT_FOUND),
        Twist::answers(Endpoint::Discovery, html),
        Twist::answers(Endpoint::Discovery, || "[]"),
        without("issuer"),
        without("authorization_endpoint"),
        without("token_endpoint"),
        without("jwks_uri"),
    ] {
        assert_eq!(discovering(twist).await, Some(Fault::Discovery));
    }
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
        for (refused, fault) in [
            ("http://localhost/x", Fault::DiscoveryEndpoint),
            ("https://169.254.169.254/x", Fault::AddressRefused),
            ("/relative", Fault::DiscoveryEndpoint),
            ("javascript:alert(1)", Fault::DiscoveryEndpoint),
        ] {
            let twist = Twist::json(Endpoint::Discovery, move |document| {
                document.insert(name.to_owned(), json!(refused));
            });
            assert_eq!(discovering(twist).await, Some(fault), "{name} {refused}");
        }
    }
}

#[tokio::test]
async fn oa_15_a_document_of_10_mib_is_not_read_to_its_end() {
    let huge = || Body::from(vec![b' '; 10 * 1024 * 1024]);
    assert_eq!(discovering(Twist::answers(Endpoint::Discovery, huge)).await, Some(Fault::TooLarge));
    // Nor is one that does not say how long it is.
    let endless = || Body::from_stream(futures::stream::repeat(Ok::<_, std::convert::Infallible>(vec![b' '; 65_536])));
    assert_eq!(discovering(Twist::answers(Endpoint::Discovery, endless)).await, Some(Fault::TooLarge));
}

#[tokio::test]
async fn oa_15_redirects_are_not_followed() {
    let story = Story::openid().await;
    let elsewhere = story.provider.url(Endpoint::Keys);
    for status in [301, 302, 303, 307, 308] {
        let (story, to) = (Story::openid().await, elsewhere.clone());
        story.provider.twist(Twist::answers(Endpoint::Discovery, move || {
            (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, to.clone())])
        }));
        assert_eq!(
            story.client.discover(ACCOUNT, story.provider.issuer(), None).await.err().map(|failure| failure.fault),
            Some(Fault::Redirected),
            "{status}"
        );
    }
    assert!(story.provider.asked().is_empty(), "{:?}", story.provider.asked());
}

/// 60 kB that would become 9 MiB of white space: small enough to be read, and never unpacked, so it is just not JSON.
#[tokio::test]
async fn oa_15_a_gzip_bomb_is_not_unpacked() {
    let bomb = || ([(header::CONTENT_ENCODING, "gzip"), (header::CONTENT_TYPE, "application/json")], gzip_of_spaces());
    assert_eq!(discovering(Twist::answers(Endpoint::Discovery, bomb)).await, Some(Fault::Discovery));
}

/// Deflate blocks of a run of spaces, 258 at a time; enough of the format (RFC 1951, RFC 1952) for a bomb.
fn gzip_of_spaces() -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    // A literal space, code 0x30 + 0x20 in 8 bits.
    bits.extend((0..8).rev().map(|bit| (0x50 >> bit) & 1 == 1));
    for _ in 0..37_000 {
        // Length 258 is symbol 285, 8 bits of 0xc5; distance 1 is 5 bits of zero.
        bits.extend((0..8).rev().map(|bit| (0xc5 >> bit) & 1 == 1));
        bits.extend([false; 5]);
    }
    bits.extend([false; 7]);
    let packed = bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |sum, bit| sum << 1 | u8::from(*bit)));
    [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3].into_iter().chain(packed).chain([0; 8]).collect()
}
