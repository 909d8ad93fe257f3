//! A telephone made of our own user agent and media: the other parties of `ringback demo` and of
//! the tests in this process. It has no will of its own: a script orders, and is told what
//! happened.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::NodeError;
use super::clock::Clock;
use crate::ident::{Entropy, LegId, Secret, TrunkId};
use crate::media::leg::Media;
use crate::media::sounds::Sounds;
use crate::media::{self};
use crate::session::{SessionAnswer, SessionOffer};
use crate::sip::{self, Event, Invitation, Target, UserAgent};
use crate::time::Timestamp;

/// Orders or events on their way; a script that falls further behind has stopped listening.
const CHANNEL_MAX: usize = 256;
/// How long a call of ours may ring.
const RING: Duration = Duration::from_secs(60);

/// What a telephone is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name: the user part of its address.
    pub user: String,
    /// Its password at the server, if it registers or calls feature codes.
    pub password: Option<Secret>,
    /// Its own address.
    pub local: SocketAddr,
    /// Where it registers, calls, and takes calls from.
    pub server: SocketAddr,
    /// RTP ports.
    pub ports: std::ops::RangeInclusive<u16>,
}

/// What a script wants the telephone to do.
#[derive(Debug)]
enum Order {
    Register,
    Call(LegId, String),
    Ring(LegId),
    Answer(LegId),
    HangUp(LegId),
}

/// What happened, as a person with the telephone in the hand would see it.
#[derive(Clone, PartialEq, Debug)]
pub enum Happened {
    /// The registration was answered.
    Registered {
        /// With 200.
        accepted: bool,
    },
    /// It rings.
    Incoming {
        /// The new leg.
        leg: LegId,
    },
    /// The other side answered, or confirmed our answer.
    Answered {
        /// Which.
        leg: LegId,
    },
    /// The call is over.
    Ended {
        /// Which.
        leg: LegId,
        /// The final response, if it was never answered.
        status: Option<u16>,
    },
}

/// A telephone that is switched on. Dropping it switches it off.
#[derive(Debug)]
pub struct Phone {
    orders: mpsc::Sender<Order>,
    happened: mpsc::Receiver<Happened>,
    /// Its sound: tones and digits out, recordings in.
    pub media: Arc<Media>,
    entropy: Entropy,
}

impl Phone {
    /// Binds its sockets and starts its task.
    ///
    /// # Errors
    /// An address that cannot be bound.
    pub async fn start(settings: Settings, mut entropy: Entropy) -> Result<Self, NodeError> {
        let server = TrunkId::new("server");
        let credentials = settings.password.clone().map(|p| (settings.user.clone(), p));
        let trunk = sip::TrunkSettings {
            id: server,
            address: settings.server,
            accept_from: Vec::new(),
            credentials,
            caller_id: Some(settings.user.clone()),
            channels: 8,
            options_interval: None,
        };
        let sip = UserAgent::new(
            sip::Settings {
                local: settings.local,
                realm: "phone".into(),
                algorithms: sip::auth::Algorithm::ALL,
                users: Vec::new(),
                trunks: vec![trunk],
                dial_key: [0; 32],
            },
            entropy.split(),
        );
        let sounds = Sounds::load(None).map_err(NodeError::Sounds)?;
        let (tell, media_events) = mpsc::channel(CHANNEL_MAX);
        let media_settings = media::Settings {
            local: settings.local.ip(),
            ports: settings.ports.clone(),
            rtp_timeout: Duration::from_secs(60),
            threads: 1,
        };
        // The script needs no media events; a full channel loses nothing it waits for.
        let tell = move |event| tell.try_send(event).unwrap_or_default();
        let media = Arc::new(Media::start(media_settings, Arc::new(sounds), Box::new(tell))?);
        let wire = super::Wire::bind(settings.local).await?;
        let (orders, orders_in) = mpsc::channel(CHANNEL_MAX);
        let (happened_tell, happened) = mpsc::channel(CHANNEL_MAX);
        let handset = Handset {
            clock: Clock::start(),
            settings,
            sip,
            media: media.clone(),
            offers: Vec::new(),
            tell: happened_tell,
        };
        #[expect(clippy::disallowed_methods, reason = "the node is what starts tasks")]
        tokio::spawn(handset.run(wire, orders_in, media_events));
        Ok(Self { orders, happened, media, entropy })
    }

    /// Registers with the server; [`Happened::Registered`] follows.
    pub async fn register(&self) {
        self.order(Order::Register).await;
    }

    /// Calls `number` at the server.
    pub async fn call(&mut self, number: &str) -> LegId {
        let leg = LegId(self.entropy.next_u64());
        self.order(Order::Call(leg, number.to_owned())).await;
        leg
    }

    /// Sends 180.
    pub async fn ring(&self, leg: LegId) {
        self.order(Order::Ring(leg)).await;
    }

    /// Picks up.
    pub async fn answer(&self, leg: LegId) {
        self.order(Order::Answer(leg)).await;
    }

    /// Hangs up.
    pub async fn hang_up(&self, leg: LegId) {
        self.order(Order::HangUp(leg)).await;
    }

    /// Waits for the next thing that happens; `None` if `timeout` passes first.
    pub async fn next(&mut self, timeout: Duration) -> Option<Happened> {
        tokio::time::timeout(timeout, self.happened.recv()).await.ok().flatten()
    }

    async fn order(&self, order: Order) {
        // A telephone that is off does nothing: the script sees that nothing happens.
        drop(self.orders.send(order).await);
    }
}

/// The inside of a telephone.
struct Handset {
    clock: Clock,
    settings: Settings,
    sip: UserAgent,
    media: Arc<Media>,
    offers: Vec<(LegId, Option<SessionOffer>)>,
    tell: mpsc::Sender<Happened>,
}

impl Handset {
    async fn run(
        mut self,
        mut wire: super::Wire,
        mut orders: mpsc::Receiver<Order>,
        mut media_events: mpsc::Receiver<media::Event>,
    ) {
        loop {
            while let Some(event) = self.sip.poll_event() {
                if let Some(happened) = self.sip_event(event)
                    && self.tell.send(happened).await.is_err()
                {
                    return;
                }
            }
            while let Some(transmit) = self.sip.poll_transmit() {
                wire.send(transmit);
            }
            let timeout = self.sip.poll_timeout().map(|(at, _)| self.clock.until_steady(at));
            tokio::select! {
                Some((from, received)) = wire.received.recv() => {
                    self.sip.handle_message(self.now(), from, received);
                }
                Some(_) = media_events.recv() => {}
                order = orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => return,
                },
                () = tokio::time::sleep(timeout.unwrap_or(RING)) => {}
            }
            self.sip.handle_timeout(self.now());
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.steady()
    }

    fn obey(&mut self, order: Order) {
        let now = self.now();
        match order {
            Order::Register => {
                self.sip.register(now, &TrunkId::new("server"), Duration::from_secs(300));
            }
            Order::Call(leg, number) => {
                let Ok(offer) = self.media.offer(leg, None) else { return };
                self.sip.invite(
                    now,
                    Invitation {
                        leg,
                        target: Target::Trunk(TrunkId::new("server")),
                        callee: number,
                        caller: self.settings.user.clone(),
                        display_name: String::new(),
                        offer,
                        headers: Vec::new(),
                        ring_timeout: RING,
                        silence_max: None,
                        attempt: None,
                    },
                );
            }
            Order::Ring(leg) => self.sip.ring(now, leg),
            Order::Answer(leg) => {
                let at = self.offers.iter().position(|(of, _)| *of == leg);
                let Some((_, offer)) = at.map(|at| self.offers.swap_remove(at)) else { return };
                self.accept(leg, offer);
            }
            Order::HangUp(leg) => self.sip.hang_up(now, leg, 16, ""),
        }
    }

    /// Our side of an INVITE or re-INVITE: the answer to its offer or, where it has none, ours.
    fn accept(&mut self, leg: LegId, offer: Option<SessionOffer>) {
        let now = self.now();
        let accepted = match offer {
            Some(offer) => {
                self.media.answer(leg, &offer).map(|answer| self.sip.answer(now, leg, answer))
            }
            None => {
                self.media.offer(leg, None).map(|offer| self.sip.answer_with_offer(now, leg, offer))
            }
        };
        if accepted.is_err() {
            self.sip.reject(now, leg, 488);
        }
    }

    /// Their answer to an offer of ours. `false`: it is of no use, and the leg is hung up.
    fn agree(&mut self, leg: LegId, answer: &SessionAnswer) -> bool {
        let agreed = self.media.accept(leg, answer).is_ok();
        if !agreed {
            self.sip.hang_up(self.now(), leg, 16, "");
        }
        agreed
    }

    fn sip_event(&mut self, event: Event) -> Option<Happened> {
        match event {
            Event::Incoming { leg, offer, .. } => {
                self.offers.push((leg, offer));
                Some(Happened::Incoming { leg })
            }
            Event::Established { leg, answer: None } => Some(Happened::Answered { leg }),
            Event::Answered { leg, answer } | Event::Established { leg, answer: Some(answer) } => {
                self.agree(leg, &answer).then_some(Happened::Answered { leg })
            }
            Event::Reoffered { leg, offer } => {
                self.accept(leg, offer);
                None
            }
            Event::Reanswered { leg, answer } => {
                self.agree(leg, &answer);
                None
            }
            Event::Referred { refer, .. } => {
                self.sip.reject_refer(self.now(), refer, 603, "");
                None
            }
            Event::Ended { leg, status, .. } => {
                self.media.close(leg);
                Some(Happened::Ended { leg, status })
            }
            Event::Registered { accepted, .. } => Some(Happened::Registered { accepted }),
            Event::Ringing { .. }
            | Event::Digit { .. }
            | Event::Bound { .. }
            | Event::TrunkCapacity { .. }
            | Event::ContactChecked { .. } => None,
        }
    }
}
