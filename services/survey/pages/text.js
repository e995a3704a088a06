// What the survey's pages for who works with it say: [Thai, English]. {names} are filled in.

import { COMMON_TEXTS } from "./common-text.js";

export const TEXTS = {
  ...COMMON_TEXTS,

  // every page
  name: ["จิตอาสา", "Jitasa"],
  subtitle: ["สำรวจและเข้าถึง", "Survey and reach"],
  registration: ["ลงทะเบียนและประสานงาน", "Registration and coordination"],
  liveMap: ["แผนที่ภาพสด", "Live map"],
  interface: ["ส่วนต่อประสานข้อมูล", "Data interface"],
  desk: ["โต๊ะผู้ประสานงาน", "Coordinator's desk"],
  reach: ["ผู้ที่ต้องเข้าถึง", "To reach"],
  helpMap: ["คำขอความช่วยเหลือ", "Requests for help"],
  privacy: ["ข้อมูลส่วนบุคคล", "Personal data"],
  odk: ["ODK Collect", "ODK Collect"],
  askForHelp: ["ขอความช่วยเหลือ", "Ask for help"],
  myData: ["ข้อมูลของฉัน", "My data"],
  zoomIn: ["ขยาย", "Zoom in"],
  zoomOut: ["ย่อ", "Zoom out"],

  // proving a phone
  proofSent: ["รหัสไปถึงภายใน 1 นาที", "The code comes within a minute."],
  prove: ["ยืนยัน", "Prove it"],
};
